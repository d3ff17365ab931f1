package service

import (
	"context"

	"github.com/natter-chat/natter/pkg/avatar"
	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// UpdateRoom changes what is given of a room.
func (s *Service) UpdateRoom(ctx context.Context, req *roomsv1.UpdateRoomRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	update, err := s.update(req)
	if err != nil {
		return nil, err
	}
	r, err := s.change(ctx, store.By{Room: id, Actor: user, Target: user}, room.Configure(me, update))
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

// update reads what is given.
func (s *Service) update(req *roomsv1.UpdateRoomRequest) (room.Update, error) {
	u := room.Update{IsPrivate: req.IsPrivate, IsArchived: req.IsArchived, IsAnnouncement: req.IsAnnouncement}
	var err error
	read := func(given *string, as func(string) (string, error)) *string {
		if given == nil || err != nil {
			return nil
		}
		var text string
		text, err = as(*given)
		return &text
	}
	u.Name = read(req.Name, s.limits.Name)
	u.Description = read(req.Description, s.limits.Description)
	u.Topic = read(req.Topic, s.limits.Topic)
	u.Avatar = read(req.Avatar, avatar.Parse)
	if req.SlowModeSeconds != nil && err == nil {
		u.SlowMode = req.SlowModeSeconds
		err = room.CheckSlowMode(req.GetSlowModeSeconds())
	}
	return u, err
}

// maxToldOfDeletion bounds how many of the invited are told that a room is deleted; the others see it when they ask again.
const maxToldOfDeletion = 1000

// DeleteRoom ends a room. Its log is purged soon after.
func (s *Service) DeleteRoom(ctx context.Context, req *roomsv1.DeleteRoomRequest) (*roomsv1.DeleteRoomResponse, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	pending, err := s.store.RoomInvitations(ctx, id, now(), ids.RoomInvitation{}, maxToldOfDeletion)
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, store.By{Room: id, Actor: user, Target: user}, room.Delete(me)); err != nil {
		return nil, err
	}
	for _, inv := range pending {
		s.tellEnded(inv.User, inv.ID)
	}
	return &roomsv1.DeleteRoomResponse{}, nil
}

// TransferRoom gives a room to another member.
func (s *Service) TransferRoom(ctx context.Context, req *roomsv1.TransferRoomRequest) (*chatv1.Room, error) {
	actor, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	crowned, err := about(actor, req.GetRoomId(), req.GetUserId())
	if err != nil {
		return nil, err
	}
	crowned.At = now()
	abdicated := crowned
	abdicated.Target = actor
	user := s.directory.Names(ctx, []ids.User{crowned.Target})[crowned.Target]
	r, err := s.store.ChangeAll(ctx, []store.Step{{By: crowned, Decide: room.Crown(me, user)}, {By: abdicated, Decide: room.Abdicate(me)}})
	if err == nil {
		err = s.deliver(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}
