package service

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// accessPage and maxAccessPage are the sizes of pages, as proto/natter/rooms/v1/access.proto has them.
const accessPage, maxAccessPage = 50, 100

// serveAccess adds the methods of proto/natter/rooms/v1/access.proto; see Serve.
func (s *Service) serveAccess(reads, changes *rpc.Server) error {
	return errors.Join(
		rpc.Handle(reads, "ListDirectory", s.ListDirectory),
		rpc.Handle(changes, "InviteToRoom", s.InviteToRoom),
		rpc.Handle(reads, "ListRoomInvitations", s.ListRoomInvitations),
		rpc.Handle(changes, "RevokeRoomInvitation", s.RevokeRoomInvitation),
		rpc.Handle(reads, "ListMyInvitations", s.ListMyInvitations),
		rpc.Handle(changes, "AcceptRoomInvitation", s.AcceptRoomInvitation),
		rpc.Handle(changes, "DeclineRoomInvitation", s.DeclineRoomInvitation),
		rpc.Handle(changes, "CreateRoomLink", s.CreateRoomLink),
		rpc.Handle(reads, "ListRoomLinks", s.ListRoomLinks),
		rpc.Handle(changes, "RevokeRoomLink", s.RevokeRoomLink),
		rpc.Handle(reads, "PreviewLink", s.PreviewLink),
		rpc.Handle(changes, "JoinByLink", s.JoinByLink),
		rpc.Handle(changes, "OpenDirect", s.OpenDirect),
		rpc.Handle(changes, "CreateGroup", s.CreateGroup),
		rpc.Handle(changes, "SetPreferences", s.SetPreferences),
	)
}

// reachable returns a user who can be brought into a room: NotFound if there is none, or their account is closed;
// Unavailable when auth cannot say.
func (s *Service) reachable(ctx context.Context, id ids.User) (*chatv1.UserRef, error) {
	found, err := s.directory.Active(ctx, []ids.User{id})
	if err == nil && found[id] == nil {
		err = errNoUser("userId")
	}
	return found[id], err
}

func errNoUser(field string) error {
	return &fault.Fault{Code: fault.NotFound, Message: "there is no such user", Field: field}
}

// invites returns a room whose invitations and links the caller looks after.
func (s *Service) invites(ctx context.Context, roomID string) (room.Membership, error) {
	m, err := s.seen(ctx, roomID)
	if err != nil {
		return m, err
	}
	return m, room.View{Room: m.Room, Actor: m.Role}.Invites()
}

// tell sends a user event to the gateways of a user.
func (s *Service) tell(user ids.User, event *busv1.UserEvent) { s.send(subject.UserEvent(user), event) }

func (s *Service) send(subject string, m proto.Message) {
	data, err := proto.Marshal(m)
	if err == nil {
		err = s.publish(subject, data)
	}
	if err != nil { // what it is about is stored, and read when the user comes back
		s.log.Warn("news not published", "error", err)
	}
}

// cleanEvery is how often what has expired is removed. Each instance does it, at its own time; it does no harm twice.
const cleanEvery = 10 * time.Minute

// CleanUp removes links and invitations that have expired, until ctx ends.
func (s *Service) CleanUp(ctx context.Context) {
	for {
		if err := s.store.DeleteExpired(ctx, now()); err != nil && ctx.Err() == nil {
			s.log.Warn("what has expired is not removed; trying again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(cleanEvery/2 + rand.N(cleanEvery)):
		}
	}
}
