// Package room is the nouns and the rules of rooms: what a room is, who may do what, and what a change writes. It does
// no I/O: the store loads a View while it holds the room's lock, a rule decides, the store writes the Change.
package room

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// Room is a room as it is stored. Times have millisecond precision.
type Room struct {
	ID          ids.Room
	Name        string
	Description string
	IsPrivate   bool
	Creator     ids.User
	// Version counts the changes of the room and its membership; each is one event of the room's log.
	Version     uint32
	MemberCount uint32
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Member is one user's place in a room.
type Member struct {
	User     ids.User
	Role     Role
	JoinedAt time.Time
}

// Membership is a room as one of its members has it.
type Membership struct {
	Room     Room
	Role     Role      // "": the user is not a member
	JoinedAt time.Time // zero then
}

// ErrNotFound is also the answer to those who may not know that a room exists.
var ErrNotFound = fault.New(fault.NotFound, "there is no such room")

// Role is what a member may do; "" is no member.
type Role string

// The roles, from the most to the least powerful. The texts are API.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Moderator Role = "moderator"
	Ordinary  Role = "member"
	ReadOnly  Role = "read_only"
)

// rank orders the roles; 0 is no member.
func (r Role) rank() int {
	switch r {
	case Owner:
		return 5
	case Admin:
		return 4
	case Moderator:
		return 3
	case Ordinary:
		return 2
	case ReadOnly:
		return 1
	}
	return 0
}

// canAdd reports whether the role may add members.
func (r Role) canAdd() bool { return r.rank() >= Admin.rank() }

// canRemove reports whether the role may kick and ban a member of another: only those below.
func (r Role) canRemove(other Role) bool {
	return r.rank() >= Moderator.rank() && r.rank() > other.rank()
}
