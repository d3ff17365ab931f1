// Package service answers the rpc of rooms (proto/natter/rooms/v1): it checks what is asked, lets the store decide, and
// waits until what changed is in the room's log.
package service

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/memberships"
	"github.com/natter-chat/natter/services/rooms/internal/relay"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Name is the service's name on the bus and in logs.
const Name = "rooms"

// answerWithin is how long a change waits for its log: a call has 5 s, and the answer needs some of them.
const answerWithin = 4 * time.Second

// Service is rooms. It is safe for concurrent use.
type Service struct {
	store     store.Store
	relay     *relay.Relay
	directory *people.Directory
	known     *memberships.Cache
	publish   func(subject string, data []byte) error
	limits    room.Limits
	log       *slog.Logger
}

// New returns the service on top of its parts; publish sends to the bus.
func New(st store.Store, known *memberships.Cache, r *relay.Relay, d *people.Directory, publish func(subject string, data []byte) error,
	limits room.Limits, log *slog.Logger,
) *Service {
	return &Service{store: st, known: known, relay: r, directory: d, publish: publish, limits: limits, log: log}
}

// Serve adds the methods to two servers of the same name. They have separate slots because changes wait for
// message-store, which asks GetSnapshot before it answers: waiting changes must never keep that out.
func (s *Service) Serve(reads, changes *rpc.Server) error {
	return errors.Join(
		rpc.Handle(changes, "CreateRoom", s.CreateRoom),
		rpc.Handle(changes, "JoinRoom", s.JoinRoom),
		rpc.Handle(changes, "LeaveRoom", s.LeaveRoom),
		rpc.Handle(changes, "AddMember", s.AddMember),
		rpc.Handle(changes, "RemoveMember", s.RemoveMember),
		rpc.Handle(changes, "UpdateRoom", s.UpdateRoom),
		rpc.Handle(changes, "DeleteRoom", s.DeleteRoom),
		rpc.Handle(changes, "TransferRoom", s.TransferRoom),
		rpc.Handle(changes, "SetMember", s.SetMember),
		rpc.Handle(changes, "BanUser", s.BanUser),
		rpc.Handle(changes, "LiftBan", s.LiftBan),
		rpc.Handle(reads, "ListBans", s.ListBans),
		rpc.Handle(reads, "ListRooms", s.ListRooms),
		rpc.Handle(reads, "GetRoom", s.GetRoom),
		rpc.Handle(reads, "ListMembers", s.ListMembers),
		rpc.Handle(reads, "ListMemberships", s.ListMemberships),
		rpc.Handle(reads, "BatchListMemberships", s.BatchListMemberships),
		rpc.Handle(reads, "GetSnapshot", s.GetSnapshot),
		s.serveAccess(reads, changes),
	)
}

// change makes a change and waits until it is in the log. When it was made before (a retry), it waits for that one. Whose
// invitation it ends, is told.
func (s *Service) change(ctx context.Context, by store.By, decide room.Decide) (room.Room, error) {
	if by.At.IsZero() {
		by.At = now()
	}
	var ended ids.RoomInvitation
	r, err := s.store.Change(ctx, by, func(v room.View) (*room.Change, error) {
		c, err := decide(v)
		if c != nil && c.Standing != nil {
			ended = v.Invited
		}
		return c, err
	})
	if err != nil {
		return room.Room{}, err
	}
	if !ended.IsZero() {
		s.tellEnded(by.Target, ended)
	}
	return r, s.deliver(ctx, r)
}

// deliver returns when the room's version is in its log. Unavailable: it was not in time; the change is made, pending,
// and reaches the log without another request.
func (s *Service) deliver(ctx context.Context, r room.Room) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := s.relay.Deliver(ctx, r.ID, r.Version)
	if err == nil {
		return nil
	}
	return fault.New(fault.Unavailable, "the change is made, but the room's log has not confirmed it yet; try again").
		WithRetryAfter(max(fault.From(err).RetryAfter, time.Second)).WithCause("rooms.deliver", err)
}

// caller is who asks, as id and as others see them.
func caller(ctx context.Context) (ids.User, *chatv1.UserRef, error) {
	c, err := rpc.Caller(ctx)
	if err != nil {
		return ids.User{}, nil, err
	}
	return c.User, &chatv1.UserRef{Id: c.User.String(), Username: c.Username, Avatar: c.Avatar, IsBot: c.IsBot}, nil
}

// now is the time with the precision of the stores.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// parseRoom, parseUser and parseLimit read fields of requests; field is the JSON name.
func parseRoom(field, s string) (ids.Room, error) {
	id, err := ids.ParseRoom(s)
	if err != nil {
		return id, fault.Invalid(field, "not a room id")
	}
	return id, nil
}

func parseUser(field, s string) (ids.User, error) {
	id, err := ids.ParseUser(s)
	if err != nil {
		return id, fault.Invalid(field, "not a user id")
	}
	return id, nil
}

// afterRoom and afterUser read a page's optional cursor.
func afterRoom(s string) (ids.Room, error) {
	if s == "" {
		return ids.Room{}, nil
	}
	return parseRoom("after", s)
}

func afterUser(s string) (ids.User, error) {
	if s == "" {
		return ids.User{}, nil
	}
	return parseUser("after", s)
}

func parseLimit(n uint32, standard, most int) (int, error) {
	switch {
	case n == 0:
		return standard, nil
	case n > uint32(most):
		return 0, fault.Invalid("limit", "must be 1 to %d", most)
	}
	return int(n), nil
}
