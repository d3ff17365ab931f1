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

// Targets reports whether events of this kind change an earlier message.
func (k Kind) Targets() bool { return k >= KindEdited && k <= KindPinned }

// HashSize is the length of a content hash: 16 bytes of an HMAC-SHA256 tell contents apart well enough.
const HashSize = 16

// Event is one entry of a room's log.
type Event struct {
	Room ids.Room
	// Seq is dense per room: 1, 2, 3, … (Room, Seq) is unique.
	Seq uint32
	// Ordinal is how many messages the room has up to and including this event; replies in threads do not count.
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
	// Thread is the seq of the message in whose thread a message stands, ThreadOrdinal which reply of it that is: 1, 2, …
	// Both are 0 of a message that stands in the room itself.
	Thread, ThreadOrdinal uint32
	// File is what FileURL of a message leads to, if it was uploaded here. It goes with the content.
	File *FileInfo
	// Mentions are the places in Content, of a message or an edit, that name somebody. They go with the content.
	Mentions []Mention
	// Deleted: this is a message that was deleted since.
	Deleted bool
	// Emoji belongs to a reaction; Removed to a reaction or a pin.
	Emoji   string
	Removed bool
	// Member belongs to memberJoined and memberLeft, Info to roomUpdated.
	Member *Member
	Info   *RoomInfo
}

// FoldsInto is the seq of the earlier message whose Fold the event changes: the target of a mutation, the root of a reply
// in a thread. 0: none.
func (e *Event) FoldsInto() uint32 {
	if e.Kind == KindMessage {
		return e.Thread
	}
	return e.Target
}

// Wipe takes the content away from an event whose message was deleted.
func (e *Event) Wipe() { e.Content, e.FileURL, e.File, e.Mentions = "", "", nil, nil }

// Actor is who did it, as shown beside it.
type Actor struct {
	User             ids.User
	Username, Avatar string
}

// MentionKind says who is called. The texts are API, and stored.
type MentionKind string

// The kinds of mentions.
const (
	MentionUser MentionKind = "user"
	MentionHere MentionKind = "here"
	MentionRoom MentionKind = "room"
)

// Mention is a place in a content that names somebody. User belongs to MentionUser; Offset and Length are in UTF-16 code
// units.
type Mention struct {
	Kind   MentionKind `json:"kind"`
	User   ids.User    `json:"user,omitzero"`
	Offset uint32      `json:"offset,omitempty"`
	Length uint32      `json:"length"`
}

// Member is the user a membership event is about, with the role they got or the reason why they left.
type Member struct {
	User     ids.User `json:"user"`
	Username string   `json:"username,omitempty"`
	Avatar   string   `json:"avatar,omitempty"`
	IsBot    bool     `json:"isBot,omitempty"`
	Role     string   `json:"role,omitempty"`
	Reason   string   `json:"reason,omitempty"`
	// Note is what who kicked or banned them says about it.
	Note string `json:"note,omitempty"`
	// MutedUntil is when they may write again, in milliseconds since 1970; 0: they are not muted.
	MutedUntil int64 `json:"mutedUntil,omitempty"`
	// IsChange: they were a member before.
	IsChange bool `json:"isChange,omitempty"`
}

// RoomInfo is what a room is now.
type RoomInfo struct {
	Name            string `json:"name"`
	Description     string `json:"description,omitempty"`
	Topic           string `json:"topic,omitempty"`
	Avatar          string `json:"avatar,omitempty"`
	IsPrivate       bool   `json:"isPrivate,omitempty"`
	IsArchived      bool   `json:"isArchived,omitempty"`
	IsAnnouncement  bool   `json:"isAnnouncement,omitempty"`
	SlowModeSeconds uint32 `json:"slowModeSeconds,omitempty"`
	// IsDeleted: the room is gone; nothing comes after this event.
	IsDeleted bool `json:"isDeleted,omitempty"`
}

// Size is about how many bytes the event takes in a reply, never less than it does.
func (e *Event) Size() int {
	const fixed, mention = 208, 64 // ids, numbers, tags and lengths
	n := fixed + len(e.Actor.Username) + len(e.Actor.Avatar) + len(e.Nonce) + len(e.Content) + len(e.Type) + len(e.FileURL) + len(e.Emoji) +
		mention*len(e.Mentions)
	if f := e.File; f != nil {
		n += fixed + len(f.Name) + len(f.Type)
	}
	if m := e.Member; m != nil {
		n += len(m.Username) + len(m.Avatar) + len(m.Role) + len(m.Reason) + len(m.Note)
	}
	if i := e.Info; i != nil {
		n += len(i.Name) + len(i.Description) + len(i.Topic) + len(i.Avatar)
	}
	return n
}

// MessageID is the id of a message for clients: `<room>:<seq>`.
func MessageID(room ids.Room, seq uint32) string { return fmt.Sprintf("%s:%d", room, seq) }
