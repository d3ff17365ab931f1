package store

import (
	"context"
	"math"

	"github.com/natter-chat/natter/pkg/ids"
)

// Marker is how far a user has read a room, or a thread. Only Seq, Ordinal, Rev and Held are in every news of a marker.
type Marker struct {
	// Seq is the last event that is read; 0: none.
	Seq uint32
	// Ordinal is how many messages of the room (of a thread: replies) are not unread: those up to Seq, and those up to Held
	// that the user wrote. Unread is what the head's ordinal has more.
	Ordinal uint32
	// Rev is how often the room was marked unread. Within one Seq only grows.
	Rev uint32
	// Held is the head when the room was last marked unread: what the user said up to it does not move the marker.
	Held uint32
	// Seen is the highest that Seq ever was: it is what others are told. That something was marked unread is nobody else's
	// business.
	Seen uint32
	// Delivered is the last event that a device of the user has; never less than Seen.
	Delivered uint32
}

// Before reports whether of two news of a marker this one is the older.
func (m Marker) Before(other Marker) bool {
	return m.Rev < other.Rev || m.Rev == other.Rev && m.Seq < other.Seq
}

// Unread is how many of so many messages are unread.
func (m Marker) Unread(messages uint32) uint32 {
	if messages <= m.Ordinal {
		return 0
	}
	return messages - m.Ordinal
}

// Reader is a user in a room, or in the thread of a message of it.
type Reader struct {
	User ids.User
	Room ids.Room
	// Thread is the seq of the message that began the thread; 0: the room itself.
	Thread uint32
}

// MoveKind says why a marker moves.
type MoveKind uint8

// The kinds of moves. Of threads there is no MoveUnread and no MoveDelivered.
const (
	// MoveRead: the user has read up to Seq, as of Rev. One of an older Rev does nothing. Threads that the user does not
	// follow have no marker to move.
	MoveRead MoveKind = iota
	// MoveOwn: the user wrote, or joined, with the event Seq, which has this Ordinal.
	MoveOwn
	// MoveUnread: the user has not read from Seq on.
	MoveUnread
	// MoveDelivered: a device of the user has the events up to Seq.
	MoveDelivered
)

// Move asks for a marker to be moved. A Seq beyond the head is as good as the head, but not for MoveUnread: there it does
// nothing.
type Move struct {
	Reader
	Kind         MoveKind
	Seq          uint32
	Rev, Ordinal uint32
}

// Moved is a marker that moved, with where it is now.
type Moved struct {
	Reader
	Kind MoveKind
	Marker
}

// Positions is what a move needs to know of the log.
type Positions interface {
	// At is the seq and the ordinal of the last event of the room (of a thread: of the last reply) up to a seq; 0: there is
	// none.
	At(ctx context.Context, r Reader, seq uint32) (at, ordinal uint32, err error)
	// Own is how many messages the user wrote in the room, not in threads, after a seq and up to another.
	Own(ctx context.Context, r Reader, after, upTo uint32) (uint32, error)
}

// Apply is where a marker is after the move: where it was, when the move does nothing. Known: it is stored. Engines call it
// with the marker as they have it, and store the result only if it still is that.
func (mv Move) Apply(ctx context.Context, from Marker, known bool, log Positions) (to Marker, err error) {
	switch to = from; mv.Kind {
	case MoveOwn:
		if mv.Seq > from.Seq && mv.Seq > from.Held {
			to.Seq, to.Ordinal = mv.Seq, mv.Ordinal
		}
	case MoveRead:
		if mv.Rev >= from.Rev && mv.Seq > from.Seq && (mv.Thread == 0 || known) {
			to, err = from.at(ctx, mv.Reader, mv.Seq, log)
		}
	case MoveUnread:
		var head uint32
		if head, _, err = log.At(ctx, mv.Reader, math.MaxUint32); err == nil && mv.Seq > 0 && mv.Seq <= head && mv.Thread == 0 {
			to.Rev, to.Held = from.Rev+1, head
			to, err = to.at(ctx, mv.Reader, mv.Seq-1, log)
		}
	case MoveDelivered:
		if mv.Seq > from.Delivered && mv.Thread == 0 {
			var at uint32
			at, _, err = log.At(ctx, mv.Reader, mv.Seq)
			to.Delivered = max(from.Delivered, at)
		}
	}
	if err != nil {
		return from, err
	}
	to.Seen = max(to.Seen, to.Seq)
	to.Delivered = max(to.Delivered, to.Seen)
	return to, nil
}

// at is the marker at another seq, or at the last event before it; the user's own messages up to Held are read all the
// same. After Held there are none: they have moved the marker.
func (m Marker) at(ctx context.Context, r Reader, seq uint32, log Positions) (_ Marker, err error) {
	if m.Seq, m.Ordinal, err = log.At(ctx, r, seq); err != nil || m.Seq >= m.Held {
		return m, err
	}
	own, err := log.Own(ctx, r, m.Seq, m.Held)
	m.Ordinal += own
	return m, err
}
