package room

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// View is what a rule decides from, read while the room is locked: nothing of it can change before the change is written.
type View struct {
	Room Room
	// Actor is the role of who asks, Target of whom it is about. They may be the same user.
	Actor, Target Role
	// TargetBanned: the target may not become a member.
	TargetBanned bool
	// TargetRooms is how many rooms the target is a member of.
	TargetRooms int
	// Pending is how many changes of the room are not in its log yet, counted up to MaxPending.
	Pending int
}

// Decide looks at a view and returns the change to make; nil when everything is already as asked. Errors are faults.
type Decide func(View) (*Change, error)

// Change is one version of a room: what becomes of the target's membership, and the command that tells the log.
type Change struct {
	// Role of the target from now on; "" ends the membership.
	Role Role
	// Ban keeps the target from coming back.
	Ban bool

	actor *chatv1.UserRef
	// body puts the event into a command.
	body func(c *busv1.Command, version uint32)
}

// joined is the change that makes user a member.
func joined(actor, user *chatv1.UserRef, role Role) *Change {
	return &Change{Role: role, actor: actor, body: func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: user, Role: string(role), Version: version}}
	}}
}

// The reasons of a memberLeft event.
const (
	reasonLeft   = "left"
	reasonKicked = "kicked"
	reasonBanned = "banned"
)

// left is the change that ends the membership of user.
func left(actor, user *chatv1.UserRef, reason string) *Change {
	return &Change{Ban: reason == reasonBanned, actor: actor, body: func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: user, Reason: reason, Version: version}}
	}}
}

// Command is the change as a marshalled bus.v1.Command for the outbox. It is made once: whoever relays it sends the
// same bytes, so that the log sees a repetition and not a conflict.
func (c *Change) Command(room ids.Room, version uint32) ([]byte, error) {
	command := &busv1.Command{
		RoomId: room.String(),
		Nonce:  bus.VersionNonce(version),
		Actor:  &chatv1.Actor{UserId: c.actor.GetId(), Username: c.actor.GetUsername(), Avatar: c.actor.GetAvatar()},
	}
	c.body(command, version)
	data, err := proto.Marshal(command)
	if err != nil {
		return nil, fmt.Errorf("encode version %d of a room: %w", version, err)
	}
	return data, nil
}

// After is the room once the change is made.
func (v View) After(c *Change, at time.Time) Room {
	r := v.Room
	r.Version++
	r.UpdatedAt = at
	switch wasMember, isMember := v.Target != "", c.Role != ""; {
	case isMember && !wasMember:
		r.MemberCount++
	case wasMember && !isMember:
		r.MemberCount--
	}
	return r
}
