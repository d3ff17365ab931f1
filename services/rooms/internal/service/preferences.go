package service

import (
	"context"

	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// SetPreferences stores how the caller wants a room shown, and tells their other devices.
func (s *Service) SetPreferences(ctx context.Context, req *roomsv1.SetPreferencesRequest) (*clientv1.Preferences, error) {
	user, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	notifications, err := room.ParseNotifications(req.GetNotifications())
	if err != nil {
		return nil, err
	}
	m, err := s.seen(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	p, err := s.store.SetPreferences(ctx, m.Room.ID, user, room.Preferences{
		IsFavourite: req.GetIsFavourite(), HiddenSeq: req.GetHiddenSeq(), Notifications: notifications,
	})
	if err != nil {
		return nil, err
	}
	changed := &clientv1.PreferencesChanged{RoomId: m.Room.ID.String(), Preferences: preferences(p)}
	// First the instances that remember memberships: whoever connects after the user event is not answered without it.
	s.send(subject.RoomsChanged, &busv1.RoomChanged{UserId: user.String(), Preferences: changed})
	s.tell(user, &busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: changed}})
	return changed.GetPreferences(), nil
}

// preferences are shown as they are; unset when nothing was ever said.
func preferences(p room.Preferences) *clientv1.Preferences {
	if p.Rev == 0 {
		return nil
	}
	return &clientv1.Preferences{IsFavourite: p.IsFavourite, HiddenSeq: p.HiddenSeq, Notifications: string(p.Notifications), Rev: p.Rev}
}
