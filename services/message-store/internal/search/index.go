// Package search finds messages. It keeps an index beside the log, in a database of its own, and feeds it behind the
// commit, so that an append neither waits for it nor does more because of it:
//
//	Append ──▶ log ──▶ Indexer: of each room, what is after its position ──▶ Index {tokens of messages; positions}
//	query ──▶ Index.Find: newest first ──▶ log: is it still so? ──▶ hits
//
// The index only proposes: what it finds is compared with the message as history shows it, so that an index that lags
// behind never shows what was edited away or deleted. Its engines are in search/sqlite and search/mongo; indextest is what
// both must do.
package search

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Format is the version of what documents are made of. An index of another one is made anew.
const Format = 1

// At is the place of a message in an answer, which is ordered by time, then by room and seq, or as the index orders what
// was sent in the same millisecond. The zero At, as the end of a page, is beyond the newest.
type At struct {
	CreatedAt int64
	store.Ref
}

// Index is what an engine keeps. It is safe for concurrent use, also by several processes.
type Index interface {
	// Positions returns up to which seq rooms are indexed. Those that are not are left out.
	Positions(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error)
	// Put takes the next parts of rooms. One whose room is not at From any more does nothing, or nothing but what who was
	// faster has done, or will.
	Put(ctx context.Context, parts []Part) error
	// Find returns up to limit messages that may fit, newest first, older than before.
	Find(ctx context.Context, f Filter, before At, limit int) ([]At, error)
	// Clear forgets everything.
	Clear(ctx context.Context) error
	Close() error
}

// Part is what an index learns of a room's log between two positions.
type Part struct {
	Room     ids.Room
	From, To uint32
	// Documents of different messages, in no order.
	Documents []Document
	// Ended: nothing of the room is to be found any more, and Documents do not count. It may take many Puts until the room is
	// at To: each takes out some of its messages.
	Ended bool
}

// Document is a message as an index has it.
type Document struct {
	Seq uint32
	// CreatedAt never changes.
	CreatedAt int64
	// AsOf is the seq of the last event that the document takes into account.
	AsOf uint32
	// Tokens are what it is found by: what it is and has, then its words in order. None: it is not found any more.
	Tokens []string
}

// Filter is what a message must be and have.
type Filter struct {
	// Rooms are those it may be in.
	Rooms []ids.Room
	// From are those who may have written it; none: anybody.
	From  []ids.User
	Terms []query.Term
	Has   []query.Has
	// After <= createdAt < Before, in milliseconds since 1970; a Before of 0 is no limit.
	After, Before int64
}

// Tokens begin with what they are. None has a space, a quote or anything else of ASCII but letters and digits.
const (
	// TokenAny is of every message.
	TokenAny = "m"

	wordToken, fromToken, hasToken = "w", "u", "h"
)

// WordToken is the token of a word.
func WordToken(word string) string { return wordToken + word }

// FromToken is the token of what a user wrote.
func FromToken(user ids.User) string { return fromToken + hex.EncodeToString(user[:]) }

// HasToken is the token of what a message has.
func HasToken(has query.Has) string { return hasToken + string(has) }

// NewDocument is a message as it is indexed.
func NewDocument(m *store.Message) Document {
	d := Document{Seq: m.Event.Seq, CreatedAt: m.Event.CreatedAt, AsOf: max(m.Event.Seq, m.AsOf)}
	if m.DeletedSeq != 0 {
		return d
	}
	d.Tokens = append(d.Tokens, TokenAny, FromToken(m.Event.Actor.User))
	for _, has := range having(m) {
		d.Tokens = append(d.Tokens, HasToken(has))
	}
	for _, w := range query.Words(m.Text()) {
		d.Tokens = append(d.Tokens, WordToken(w.Text))
	}
	return d
}

// having is what a message has.
func having(m *store.Message) (all []query.Has) {
	if text := m.Text(); strings.Contains(text, "http://") || strings.Contains(text, "https://") {
		all = append(all, query.HasLink)
	}
	switch m.Event.Type {
	case "image":
		all = append(all, query.HasImage, query.HasFile)
	case "file":
		all = append(all, query.HasFile)
	}
	if len(m.Reactions) > 0 {
		all = append(all, query.HasReaction)
	}
	if m.Pinned {
		all = append(all, query.HasPin)
	}
	return all
}
