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
	user, err := s.directory.User(ctx, by.Target)
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, by, s.limits.Add(me, user)); err != nil {
		return nil, err
	}
	m, err := s.store.Room(ctx, by.Room, by.Target)
	if err != nil {
		return nil, err
	}
	if m.Role == role.None {
		return nil, fault.New(fault.Conflict, "the user was added, and left or was removed at the same time")
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
	if _, err := s.seen(ctx, req.GetRoomId()); err != nil {
		return nil, err
	}
	m, err := s.store.Room(ctx, by.Room, by.Target)
	if err != nil {
		return nil, err
	}
	// A member can be removed while auth is away; a ban of someone else is kept only if there is such a user.
	target := s.directory.Names(ctx, []ids.User{by.Target})[by.Target]
	if m.Role == role.None && req.GetBan() {
		if target, err = s.directory.User(ctx, by.Target); err != nil {
			return nil, err
		}
	}
	decide := room.Kick(me, target, "")
	if req.GetBan() {
		decide = room.PutBan(me, target, room.Ban{})
	}
	if _, err := s.change(ctx, by, decide); err != nil {
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
