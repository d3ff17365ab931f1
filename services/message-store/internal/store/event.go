// Package store is the log of every room as it is kept: events, the messages folded from them, read markers. Its engines
// are in store/sqlite and store/mongo; storetest is what both must do.
package store

import (
	"fmt"

	"github.com/natter-chat/natter/pkg/ids"
)

// Kind says what happened. The numbers are stored: never reuse one.
type Kind uint8

// The kinds of events.
const (
	KindMessage      Kind = 1
	KindEdited       Kind = 2
	KindDeleted      Kind = 3
	KindReaction     Kind = 4
	KindPinned       Kind = 5
	KindMemberJoined Kind = 6
	KindMemberLeft   Kind = 7
	KindRoomUpdated  Kind = 8
)

// Targets reports whether events of this kind change an earlier message: these are the ones that are folded.
func (k Kind) Targets() bool { return k >= KindEdited && k <= KindPinned }

// HashSize is the length of a content hash: 16 bytes of an HMAC-SHA256 tell contents apart well enough.
const HashSize = 16

// Event is one entry of a room's log.
type Event struct {
	Room ids.Room
	// Seq is dense per room: 1, 2, 3, … (Room, Seq) is unique.
	Seq uint32
	// Ordinal is how many messages the room has up to and including this event.
	Ordinal uint32
	// Version is the version of the room as of this event: that of the last member or room event. Every event carries it
	// on, so that the head alone says which changes of the room the log has.
	Version uint32
	Kind    Kind
	// CreatedAt is in milliseconds since 1970; it never goes backwards in a room.
	CreatedAt int64
	Actor     Actor
	// Nonce was chosen by the sender. (Room, Actor.User, Nonce) is unique.
	Nonce string
	// Hash is a keyed hash of kind and content as they were sent. It stays when the content is wiped.
	Hash [HashSize]byte

	// Target is the seq of the message that an event of a kind that Targets is about.
	Target uint32
	// Content of a message or an edit as it was sent; empty once the message is deleted.
	Content string
	// Type, FileURL and ReplyTo belong to a message.
	Type, FileURL string
	ReplyTo       uint32
	// Deleted: this is a message that was deleted since.
	Deleted bool
	// Emoji belongs to a reaction; Removed to a reaction or a pin.
	Emoji   string
	Removed bool
	// Member belongs to memberJoined and memberLeft, Info to roomUpdated.
	Member *Member
	Info   *RoomInfo
}

// Actor is who did it, as shown beside it.
type Actor struct {
	User             ids.User
	Username, Avatar string
}

// Member is the user a membership event is about, with the role they got or the reason why they left.
type Member struct {
	User     ids.User `json:"user"`
	Username string   `json:"username,omitempty"`
	Avatar   string   `json:"avatar,omitempty"`
	Role     string   `json:"role,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// RoomInfo is what a room is now.
type RoomInfo struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	IsPrivate   bool   `json:"isPrivate,omitempty"`
}

// Size is about how many bytes the event takes in a reply, never less than it does.
func (e *Event) Size() int {
	const fixed = 192 // ids, numbers, tags and lengths
	n := fixed + len(e.Actor.Username) + len(e.Actor.Avatar) + len(e.Nonce) + len(e.Content) + len(e.Type) + len(e.FileURL) + len(e.Emoji)
	if e.Member != nil {
		n += len(e.Member.Username) + len(e.Member.Avatar)
	}
	if e.Info != nil {
		n += len(e.Info.Name) + len(e.Info.Description)
	}
	return n
}

// MessageID is the id of a message for clients: `<room>:<seq>`.
func MessageID(room ids.Room, seq uint32) string { return fmt.Sprintf("%s:%d", room, seq) }
