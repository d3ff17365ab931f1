// Package store says what rooms keeps: rooms, members, bans, and the outbox of changes on their way into the logs. The
// engines are postgres and sqlite; storetest is what both must pass.
package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// Store keeps rooms. All methods may be called concurrently, also by other processes on the same database. Errors are
// faults: NotFound for a missing or deleted room, Unavailable when trying again may help, and those of a Decide as they are.
type Store interface {
	// Create stores a new room with version 1: r as given, and what decide makes of its creator. Two creations and joins
	// of one user at a time do not pass a limit of rooms per user together.
	Create(ctx context.Context, r room.Room, decide room.Decide) (room.Room, error)

	// Change locks the room, lets decide look at it, and writes what it decides with the next version and the command
	// for the log, all or nothing. It returns the room as it is afterwards, changed or not.
	Change(ctx context.Context, by By, decide room.Decide) (room.Room, error)

	// ChangeAll makes several changes of one room, in this order, all or nothing, and returns the room as it is after the
	// last. Of two at a time that concern the same users one may fail with Unavailable.
	ChangeAll(ctx context.Context, changes []Step) (room.Room, error)

	// Room returns a room and what viewer is in it.
	Room(ctx context.Context, id ids.Room, viewer ids.User) (room.Membership, error)

	// Visible returns the public rooms and those that viewer is a member of, newest (highest id) first, below the room
	// after; from the newest on when that is zero.
	Visible(ctx context.Context, viewer ids.User, after ids.Room, limit int) ([]room.Room, error)

	// Joined returns the rooms that user is a member of; order and after as in Visible.
	Joined(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Room, error)

	// Memberships returns the rooms that user is a member of, lowest id first, above after.
	Memberships(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Membership, error)

	// MembershipsOf returns the first memberships of each of these users, at most perUser, lowest room first. Who is in no
	// room is left out.
	MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error)

	// Members returns the members of a room in the order they joined, from the one after the user after. When that is not
	// a member (any more) there is no place to go on from: InvalidArgument.
	Members(ctx context.Context, id ids.Room, after ids.User, limit int) ([]room.Member, error)

	// FirstMembers returns up to perRoom members of each room, in the order they joined.
	FirstMembers(ctx context.Context, rooms []ids.Room, perRoom int) (map[ids.Room][]ids.User, error)

	// Bans returns the bans of a room that have not expired at a time, newest first, from the one before the user after.
	// When that one is not banned (any more) there is no place to go on from: InvalidArgument.
	Bans(ctx context.Context, id ids.Room, after ids.User, at time.Time, limit int) ([]room.Ban, error)

	// Unpurged returns the deleted rooms whose log has the deletion, but has not been purged: lowest id first, above after.
	Unpurged(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error)

	// Purged remembers that the log of a deleted room was purged.
	Purged(ctx context.Context, id ids.Room, at time.Time) error

	// Snapshot returns a room, even a deleted one, with members in the order of their ids, above after, and the commands
	// above logVersion that still wait: all of one moment.
	Snapshot(ctx context.Context, id ids.Room, logVersion uint32, after ids.User, limit int) (Snapshot, error)

	Access

	Outbox

	// Close releases the connections. No other method may run then.
	Close() error
}

// Outbox is the changes that are not known to be in their room's log yet. A room's are dense: versions v, v+1, … up to
// the room's own.
type Outbox interface {
	// Pending returns the oldest commands of a room in version order.
	Pending(ctx context.Context, id ids.Room, limit int) ([]Pending, error)

	// Acked removes the commands of a room up to a version, which the log has.
	Acked(ctx context.Context, id ids.Room, version uint32) error

	// Stale returns the rooms with commands written before a time, lowest id first, above after.
	Stale(ctx context.Context, before time.Time, after ids.Room, limit int) ([]ids.Room, error)

	// Backlog says how much waits altogether.
	Backlog(ctx context.Context) (Backlog, error)
}

// By names a change: who asks, in which room, about whom, when (to the millisecond).
type By struct {
	Room          ids.Room
	Actor, Target ids.User
	At            time.Time
	// Link is what the target joins by; zero: no link.
	Link ids.RoomLink
}

// Step is one of several changes made together.
type Step struct {
	By
	Decide room.Decide
}

// Snapshot is a page of the members of a room, and what the room is at that moment.
type Snapshot struct {
	Room    room.Room
	Members []room.Member // without JoinedAt
	Pending []Pending
}

// Pending is a change on its way into the log: a marshalled bus.v1.Command.
type Pending struct {
	Version uint32
	Command []byte
}

// Backlog is the state of the outbox. Rows is counted up to MaxBacklog; Oldest is zero when there is none.
type Backlog struct {
	Rows   int
	Oldest time.Time
}

// MaxBacklog bounds the work of counting.
const MaxBacklog = 10_000

// ErrBanCursor is the answer of Bans when there is no place to go on from.
var ErrBanCursor = fault.Invalid("after", "this user is not banned any more: start again from the first page")

// ErrMemberCursor is the answer of Members when there is no place to go on from.
var ErrMemberCursor = fault.Invalid("after", "this user is not a member any more: start again from the first page")
