package session

import (
	"context"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upstream"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// roomState is one room of a user, as a welcome shows it.
type roomState struct {
	id    ids.Room
	state *clientv1.RoomState
}

// knownRoomStates returns a user's rooms with heads and markers, and opens their feeds: live events of each follow from its
// head. Much of it is what the services remember, see upstream.KnownMemberships.
func (s *Server) knownRoomStates(ctx context.Context, user ids.User) ([]roomState, error) {
	memberships, err := s.services.KnownMemberships(ctx, user)
	if err != nil {
		return nil, err
	}
	return s.complete(ctx, user, memberships, s.services.KnownHeadsOf)
}

// roomStates is knownRoomStates of all rooms or (only is not zero) one of them, as the databases have them.
func (s *Server) roomStates(ctx context.Context, user ids.User, only ids.Room) ([]roomState, error) {
	memberships, err := s.services.Memberships(ctx, user, only)
	if err != nil {
		return nil, err
	}
	return s.complete(ctx, user, memberships, s.services.HeadsOf)
}

type headsOf func(context.Context, ids.User, []ids.Room) (map[ids.Room]*messagestorev1.Head, error)

// complete adds heads and markers to memberships. A log that is newer than the membership may know that the user left:
// that room is read again.
func (s *Server) complete(ctx context.Context, user ids.User, memberships []upstream.Membership, get headsOf) ([]roomState, error) {
	states, stale, err := s.withHeads(ctx, user, memberships, get)
	if err != nil {
		return nil, err
	}
	for _, room := range stale {
		again, err := s.services.Memberships(ctx, user, room)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(states, func(r roomState) bool { return r.id == room })
		if len(again) == 0 {
			states = slices.Delete(states, i, i+1)
		} else {
			setMembership(states[i].state, again[0])
		}
	}
	return states, nil
}

func (s *Server) withHeads(ctx context.Context, user ids.User, memberships []upstream.Membership, get headsOf) (
	states []roomState, stale []ids.Room, err error,
) {
	rooms := make([]ids.Room, len(memberships))
	for i, m := range memberships {
		rooms[i] = m.ID
	}
	if len(rooms) == 0 {
		return nil, nil, nil
	}
	if err := s.hub.Subscribe(ctx, rooms); err != nil {
		return nil, nil, unavailable("subscribe", err)
	}
	heads, err := get(ctx, user, rooms)
	if err != nil {
		return nil, nil, err
	}
	seqs := make(map[ids.Room]uint32, len(rooms))
	for _, m := range memberships {
		h := heads[m.ID]
		seqs[m.ID] = h.GetSeq()
		if h.GetVersion() > m.Version {
			stale = append(stale, m.ID)
		}
		state := &clientv1.RoomState{
			HeadSeq: h.GetSeq(), Unread: h.GetUnread(), ReadSeq: h.GetReadSeq(), Mentions: h.GetMentions(), Rev: h.GetRev(),
		}
		setMembership(state, m)
		states = append(states, roomState{m.ID, state})
	}
	s.hub.Start(seqs)
	return states, stale, nil
}

// setMembership fills in what rooms knows.
func setMembership(state *clientv1.RoomState, m upstream.Membership) {
	state.Room, state.Role, state.Preferences, state.MutedUntil = m.Room, m.Role, m.Preferences, m.MutedUntil
}

func membershipOf(r *clientv1.RoomState) membership {
	return membership{
		head: r.GetHeadSeq(), read: r.GetReadSeq(), rev: r.GetRev(), preferencesRev: r.GetPreferences().GetRev(),
		isLarge: r.GetRoom().GetMemberCount() > maxReceiptRoom,
	}
}

// epoch caches the server's epoch. It changes with a restored backup, for which every service is restarted.
type epoch struct {
	value  atomic.Pointer[string]
	flight singleflight.Group // while message-store is silent, many wait for it together
}

func (e *epoch) get(ctx context.Context, services *upstream.Services) (string, error) {
	if value := e.value.Load(); value != nil {
		return *value, nil
	}
	read := e.flight.DoChan("", func() (any, error) {
		value, err := services.Epoch(context.WithoutCancel(ctx))
		if err == nil {
			e.value.Store(&value)
		}
		return value, err
	})
	select {
	case <-ctx.Done():
		return "", fault.From(ctx.Err())
	case res := <-read:
		value, _ := res.Val.(string)
		return value, res.Err
	}
}
