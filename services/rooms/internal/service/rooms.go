package service

import (
	"context"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Page sizes, as proto/natter/rooms/v1 has them.
const (
	roomsPage, maxRoomsPage     = 50, 100
	membersPage, maxMembersPage = 50, 200
)

// CreateRoom makes a room with the caller as its owner. A room whose log cannot be reached yet is answered all the same:
// it exists, and a client that tries again would make a second one.
func (s *Service) CreateRoom(ctx context.Context, req *roomsv1.CreateRoomRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := s.settings(req)
	if err != nil {
		return nil, err
	}
	r, err := s.store.Create(ctx, room.Room{
		ID: ids.New[ids.Room](), Kind: role.Room, Settings: settings, Creator: user, CreatedAt: now(),
	}, s.limits.Create(me))
	if err != nil {
		return nil, err
	}
	if err := s.deliver(ctx, r); err != nil {
		s.log.Warn("a new room is not in its log yet", "error", err)
	}
	return s.show(ctx, r)
}

// settings are those of a new room.
func (s *Service) settings(req *roomsv1.CreateRoomRequest) (room.Settings, error) {
	update, err := s.update(&roomsv1.UpdateRoomRequest{
		Name: new(req.GetName()), Description: new(req.GetDescription()), Topic: new(req.GetTopic()), Avatar: new(req.GetAvatar()),
		IsPrivate: new(req.GetIsPrivate()), IsAnnouncement: new(req.GetIsAnnouncement()), SlowModeSeconds: new(req.GetSlowModeSeconds()),
	})
	return update.On(room.Settings{}), err
}

// ListRooms returns a page of the rooms that the caller may see, or is a member of.
func (s *Service) ListRooms(ctx context.Context, req *roomsv1.ListRoomsRequest) (*roomsv1.ListRoomsResponse, error) {
	user, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	after, err := afterRoom(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), roomsPage, maxRoomsPage)
	if err != nil {
		return nil, err
	}
	list := s.store.Visible
	if req.GetJoined() {
		list = s.store.Joined
	}
	rooms, err := list(ctx, user, after, limit)
	if err != nil {
		return nil, err
	}
	shown, err := s.showAll(ctx, rooms)
	return &roomsv1.ListRoomsResponse{Rooms: shown}, err
}

// GetRoom returns a room that the caller may see.
func (s *Service) GetRoom(ctx context.Context, req *roomsv1.GetRoomRequest) (*chatv1.Room, error) {
	m, err := s.seen(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	return s.show(ctx, m.Room)
}

// JoinRoom makes the caller a member of a public room.
func (s *Service) JoinRoom(ctx context.Context, req *roomsv1.JoinRoomRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	r, err := s.change(ctx, store.By{Room: id, Actor: user, Target: user}, s.limits.Join(me))
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

// LeaveRoom ends the caller's membership.
func (s *Service) LeaveRoom(ctx context.Context, req *roomsv1.LeaveRoomRequest) (*roomsv1.LeaveRoomResponse, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, store.By{Room: id, Actor: user, Target: user}, room.Leave(me)); err != nil {
		return nil, err
	}
	return &roomsv1.LeaveRoomResponse{}, nil
}

// seen returns a room as the caller has it; NotFound when they may not know that it exists.
func (s *Service) seen(ctx context.Context, roomID string) (room.Membership, error) {
	user, _, err := caller(ctx)
	if err != nil {
		return room.Membership{}, err
	}
	id, err := parseRoom("roomId", roomID)
	if err != nil {
		return room.Membership{}, err
	}
	m, err := s.store.Room(ctx, id, user)
	if err == nil && m.Room.IsPrivate && m.Role == role.None {
		err = room.ErrNotFound
	}
	return m, err
}
