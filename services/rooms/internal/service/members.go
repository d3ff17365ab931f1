package service

import (
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// ListMembers returns a page of the members of a room that the caller may see.
func (s *Service) ListMembers(ctx context.Context, req *roomsv1.ListMembersRequest) (*roomsv1.ListMembersResponse, error) {
	m, err := s.seen(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	after, err := afterUser(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), membersPage, maxMembersPage)
	if err != nil {
		return nil, err
	}
	members, err := s.store.Members(ctx, m.Room.ID, after, limit)
	if err != nil {
		return nil, err
	}
	users := make([]ids.User, len(members))
	for i, m := range members {
		users[i] = m.User
	}
	names := s.directory.Names(ctx, users)
	res := &roomsv1.ListMembersResponse{}
	for _, m := range members {
		res.Members = append(res.Members, member(names[m.User], m.Standing, m.JoinedAt))
	}
	return res, nil
}

// AddMember makes another user a member.
func (s *Service) AddMember(ctx context.Context, req *roomsv1.AddMemberRequest) (*chatv1.Member, error) {
	actor, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	by, err := about(actor, req.GetRoomId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	// The room first: who may not see it learns nothing about users either.
	if _, err := s.seen(ctx, req.GetRoomId()); err != nil {
		return nil, err
	}
	user, err := s.reachable(ctx, by.Target)
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, by, s.limits.Add(me, user)); err != nil {
		return nil, err
	}
	return s.member(ctx, by, user)
}

// SetMember gives a member another role, or mutes them.
func (s *Service) SetMember(ctx context.Context, req *roomsv1.SetMemberRequest) (*chatv1.Member, error) {
	actor, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	by, err := about(actor, req.GetRoomId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	var update room.MemberUpdate
	if req.Role != nil {
		to := role.Role(req.GetRole())
		if !to.Known() {
			return nil, fault.Invalid("role", "must be admin, moderator, member or read_only")
		}
		update.Role = &to
	}
	if req.MutedSeconds != nil {
		mute, err := room.Mute(req.GetMutedSeconds())
		if err != nil {
			return nil, err
		}
		update.Mute = &mute
	}
	user := s.directory.Names(ctx, []ids.User{by.Target})[by.Target]
	if _, err := s.change(ctx, by, room.SetMember(me, user, update)); err != nil {
		return nil, err
	}
	return s.member(ctx, by, user)
}

// member is the target of a change after it.
func (s *Service) member(ctx context.Context, by store.By, user *chatv1.UserRef) (*chatv1.Member, error) {
	m, err := s.store.Room(ctx, by.Room, by.Target)
	if err != nil {
		return nil, err
	}
	if m.Role == role.None {
		return nil, fault.New(fault.Conflict, "it is done, but the user left or was removed at the same time")
	}
	return member(user, m.Standing, m.JoinedAt), nil
}

// RemoveMember kicks a user from a room, and bans them when asked to.
func (s *Service) RemoveMember(ctx context.Context, req *roomsv1.RemoveMemberRequest) (*roomsv1.RemoveMemberResponse, error) {
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
	if req.GetBan() {
		_, err := s.ban(ctx, by, me, reason, 0)
		return &roomsv1.RemoveMemberResponse{}, err
	}
	if _, err := s.seen(ctx, req.GetRoomId()); err != nil {
		return nil, err
	}
	user := s.directory.Names(ctx, []ids.User{by.Target})[by.Target]
	if _, err := s.change(ctx, by, room.Kick(me, user, reason)); err != nil {
		return nil, err
	}
	return &roomsv1.RemoveMemberResponse{}, nil
}

func about(actor ids.User, roomID, userID string) (by store.By, err error) {
	by.Actor = actor
	if by.Room, err = parseRoom("roomId", roomID); err != nil {
		return by, err
	}
	by.Target, err = parseUser("userId", userID)
	return by, err
}
