package room

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// View is what a rule decides from, read while the room is locked: nothing of it can change before the change is written.
type View struct {
	Room Room
	// At is when the change is made.
	At time.Time
	// Actor is the role of who asks, Target of whom it is about. They may be the same user.
	Actor, Target role.Role
	// TargetMuted is when the target's mute ends, be they a member or not; zero: none was set.
	TargetMuted time.Time
	// TargetBanned: the target may not become a member.
	TargetBanned bool
	// TargetRooms is how many rooms the target is a member of, direct conversations not counted.
	TargetRooms int
	// Invited is the target's pending invitation; zero: there is none.
	Invited ids.RoomInvitation
	// Link is the one that the change names; nil: none, or it is gone.
	Link *Link
	// Pending is how many changes of the room are not in its log yet, counted up to MaxPending.
	Pending int
}

// Decide looks at a view and returns the change to make; nil when everything is already as asked. Errors are faults.
type Decide func(View) (*Change, error)

// Change is what becomes of a room, or of the target in it: one version of the room, and the command that tells its log.
// What concerns nobody but moderators is neither: see Silent.
type Change struct {
	// Standing of the target from now on; nil: as it was. Without a role it ends the membership, and its mute is kept for
	// when they come back.
	Standing *Standing
	// Ban keeps the target out from now on: its reason and end count. LiftBan lets them come back.
	Ban     *Ban
	LiftBan bool
	// Settings of the room from now on; nil: as they were.
	Settings *Settings
	// Delete ends the room, and with it all memberships and bans.
	Delete bool
	// UsesLink: one use of the view's link is gone.
	UsesLink bool

	actor *chatv1.UserRef
	// body puts the event into a command.
	body func(c *busv1.Command, version uint32)
}

// Silent reports whether the change has no version and no command. Nothing of the room's log depends on it.
func (c *Change) Silent() bool { return c.body == nil }

// stands is the change that makes user a member.
func stands(actor, user *chatv1.UserRef, s Standing) *Change { return standing(actor, user, s, false) }

// changes is the change that gives a member another role or mute.
func changes(actor, user *chatv1.UserRef, s Standing) *Change { return standing(actor, user, s, true) }

func standing(actor, user *chatv1.UserRef, s Standing, isChange bool) *Change {
	return &Change{Standing: &s, actor: actor, body: func(c *busv1.Command, version uint32) {
		joined := &chatv1.MemberJoined{User: user, Role: string(s.Role), Version: version, IsChange: isChange}
		if !s.MutedUntil.IsZero() {
			joined.MutedUntil = timestamppb.New(s.MutedUntil)
		}
		c.Body = &busv1.Command_MemberJoined{MemberJoined: joined}
	}}
}

// The reasons of a memberLeft event.
const (
	reasonLeft   = "left"
	reasonKicked = "kicked"
	reasonBanned = "banned"
)

// left is the change that ends the membership of user; a mute stays on them.
func (v View) left(actor, user *chatv1.UserRef, reason, note string) *Change {
	return &Change{Standing: &Standing{MutedUntil: v.mute()}, actor: actor, body: func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: user, Reason: reason, Version: version, Note: note}}
	}}
}

// becomes is the change that gives the room other settings.
func becomes(actor *chatv1.UserRef, s Settings) *Change {
	return &Change{Settings: &s, actor: actor, body: func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{
			Name: s.Name, Description: s.Description, IsPrivate: s.IsPrivate, Version: version, Topic: s.Topic, Avatar: s.Avatar,
			IsArchived: s.IsArchived, IsAnnouncement: s.IsAnnouncement, SlowModeSeconds: s.SlowMode,
		}}
	}}
}

// deleted is the change that ends the room. Its last event says nothing of what it was.
func deleted(actor *chatv1.UserRef) *Change {
	return &Change{Delete: true, Settings: &Settings{}, actor: actor, body: func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{IsDeleted: true, Version: version}}
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

// mute is when the target's mute ends, if it has not ended.
func (v View) mute() time.Time {
	if v.TargetMuted.After(v.At) {
		return v.TargetMuted
	}
	return time.Time{}
}

// After is the room once the change is made.
func (v View) After(c *Change) Room {
	r := v.Room
	if c.Silent() {
		return r
	}
	r.Version++
	r.UpdatedAt = v.At
	if c.Settings != nil {
		r.Settings = *c.Settings
	}
	if c.Standing != nil {
		switch wasMember, isMember := v.Target != role.None, c.Standing.Role != role.None; {
		case isMember && !wasMember:
			r.MemberCount++
		case wasMember && !isMember:
			r.MemberCount--
		}
	}
	if c.Delete {
		r.MemberCount, r.DeletedAt = 0, v.At
	}
	return r
}
