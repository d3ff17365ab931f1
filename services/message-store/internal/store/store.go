package store

import (
	"errors"

	"github.com/natter-chat/natter/pkg/ids"
)

// ErrConflict is the outcome of a room's append when one of its seqs or nonces is taken. The events before that one may
// be stored (an engine without transactions), those after it are not, so the log stays dense. Every other error means
// that the outcome is unknown. After either, read the head and look the nonces up.
var ErrConflict = errors.New("seq or nonce is taken")

// MaxAppend is how many events one append may have, over all rooms.
const MaxAppend = 256

// Batch is the next events of one room: their seqs go on from the head without a hole.
type Batch struct {
	Room   ids.Room
	Events []*Event
}

// Head is the last event of a room. The zero Head is a room without events.
type Head struct {
	Seq, Ordinal, Version uint32
	CreatedAt             int64
}

// NonceKey is what is unique about a command.
type NonceKey struct {
	Room  ids.Room
	User  ids.User
	Nonce string
}

// Stored is the event a nonce belongs to.
type Stored struct {
	Seq       uint32
	CreatedAt int64
	Hash      [HashSize]byte
}

// Ref names a message.
type Ref struct {
	Room ids.Room
	Seq  uint32
}

// Page is a part of a room's history, newest message first.
type Page struct {
	Messages []*Message
	// AsOf is the head up to which the page is exact: every mutation up to it is folded in, and none after it.
	AsOf uint32
	// More says that there are messages further on in the direction of the page.
	More bool
}

// Log is a part of a room's log, in order.
type Log struct {
	Events []*Event
	Head   Head
}

// Meta is what is made once per database.
type Meta struct {
	// Epoch is another one when a backup was restored: cursors of before mean nothing.
	Epoch string
	// HashKey keys the hashes of contents, so that a leaked log does not confirm guesses of deleted ones.
	HashKey []byte
}

// HashKeySize is the length of Meta.HashKey in bytes.
const HashKeySize = 32
