package service

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Page sizes of lists of bans.
const bansPage, maxBansPage = 50, 100

// BanUser bans a user.
func (s *Service) BanUser(ctx context.Context, req *roomsv1.BanUserRequest) (*roomsv1.Ban, error) {
	actor, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	by, err := about(actor, req.GetRoomId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	reason, err := room.Reason(req.GetReason())
	if err != nil {
		return nil, err
	}
	lasts := time.Duration(req.GetSeconds()) * time.Second
	by.At = now()
	user, err := s.ban(ctx, by, me, reason, lasts)
	if err != nil {
		return nil, err
	}
	shown := &roomsv1.Ban{User: user, By: me, Reason: reason, CreatedAt: timestamppb.New(by.At)}
	if lasts > 0 {
		shown.ExpiresAt = timestamppb.New(by.At.Add(lasts))
	}
	return shown, nil
}

// ban bans the target, and returns who that is. A member can be banned while auth is away; a ban of someone else is kept
// only if there is such a user.
func (s *Service) ban(ctx context.Context, by store.By, me *chatv1.UserRef, reason string, lasts time.Duration) (*chatv1.UserRef, error) {
	// The room first: who may not see it learns nothing about users either.
	if _, err := s.seen(ctx, by.Room.String()); err != nil {
		return nil, err
	}
	m, err := s.store.Room(ctx, by.Room, by.Target)
	if err != nil {
		return nil, err
	}
	user := s.directory.Names(ctx, []ids.User{by.Target})[by.Target]
	if m.Role == role.None {
		if user, err = s.directory.User(ctx, by.Target); err != nil {
			return nil, err
		}
	}
	_, err = s.change(ctx, by, room.PutBan(me, user, reason, lasts))
	return user, err
}

// ListBans returns a page of the bans of a room to those who may lift them.
func (s *Service) ListBans(ctx context.Context, req *roomsv1.ListBansRequest) (*roomsv1.ListBansResponse, error) {
	m, err := s.seen(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	if !m.Role.May(role.Remove, m.Room.Kind) {
		return nil, fault.New(fault.PermissionDenied, "only owners, admins and moderators see who is banned")
	}
	after, err := afterUser(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), bansPage, maxBansPage)
	if err != nil {
		return nil, err
	}
	bans, err := s.store.Bans(ctx, m.Room.ID, after, now(), limit)
	if err != nil {
		return nil, err
	}
	var users []ids.User
	for _, b := range bans {
		users = append(users, b.User, b.By)
	}
	names := s.directory.Names(ctx, users)
	res := &roomsv1.ListBansResponse{}
	for _, b := range bans {
		res.Bans = append(res.Bans, &roomsv1.Ban{
			User: names[b.User], By: names[b.By], Reason: b.Reason, CreatedAt: timestamppb.New(b.CreatedAt), ExpiresAt: until(b.ExpiresAt),
		})
	}
	return res, nil
}

// LiftBan lets a banned user come back.
func (s *Service) LiftBan(ctx context.Context, req *roomsv1.LiftBanRequest) (*roomsv1.LiftBanResponse, error) {
	actor, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	by, err := about(actor, req.GetRoomId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, by, room.LiftBan); err != nil {
		return nil, err
	}
	return &roomsv1.LiftBanResponse{}, nil
}
