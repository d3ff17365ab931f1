// Package room is the nouns and the rules of rooms: what a room is, who may do what, and what a change writes. It does
// no I/O: the store loads a View while it holds the room's lock, a rule decides, the store writes the Change.
package room

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
)

// Room is a room as it is stored. Times have millisecond precision.
type Room struct {
	ID   ids.Room
	Kind role.Kind
	Settings
	Creator ids.User
	// Pair is who talks in a direct conversation; of other rooms it is none.
	Pair Pair
	// Version counts the changes of the room and its membership; each is one event of the room's log.
	Version     uint32
	MemberCount uint32
	CreatedAt   time.Time
	UpdatedAt   time.Time
	// DeletedAt is zero as long as the room is there. A deleted room is only found by who looks after its log.
	DeletedAt time.Time
}

// Settings are what members can change about a room, each with the right role.
type Settings struct {
	Name        string
	Description string
	Topic       string
	Avatar      string
	IsPrivate   bool
	IsArchived  bool
	// IsAnnouncement: only some may post, see role.Announce.
	IsAnnouncement bool
	// SlowMode is how many seconds one member waits between two messages; 0: not at all.
	SlowMode uint32
}

// Standing is what a user is in a room.
type Standing struct {
	Role role.Role // None: no member
	// MutedUntil is when a mute ends; zero: none was set.
	MutedUntil time.Time
}

// Member is one user's place in a room.
type Member struct {
	User ids.User
	Standing
	JoinedAt time.Time
}

// Membership is a room as one of its members has it.
type Membership struct {
	Room Room
	Standing
	JoinedAt    time.Time // zero when the user is not a member
	Preferences Preferences
}

// Ban keeps a user out of a room.
type Ban struct {
	User, By  ids.User
	Reason    string
	CreatedAt time.Time
	// ExpiresAt is when the user may come back; zero: never.
	ExpiresAt time.Time
}

// ErrNotFound is also the answer to those who may not know that a room exists.
var ErrNotFound = fault.New(fault.NotFound, "there is no such room")
