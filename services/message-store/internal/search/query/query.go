// Package query is the language of the search: what people type, and whether a text is what they look for.
//
//	deploy "blue green" -staging from:ada in:ops has:link after:2026-01-31 hel
//	words   a phrase    not this  filters                                  the last word may go on: hello
//
// Everything must match. It is pure: who ada is, and what ops, is for others to say.
package query

import (
	"fmt"
	"time"
)

const (
	// MaxLength is how many bytes a query has.
	MaxLength = 1000
	// MaxWords is how many words a query looks for: each costs a look into the index for every room.
	MaxWords = 32
	// MaxFilters is how many filters of one kind a query has.
	MaxFilters = 20
	// MinPrefix is how many characters the last word has at least if longer words are to match, too: with fewer, a large part
	// of all messages would.
	MinPrefix = 3
)

// Query is what somebody looks for.
type Query struct {
	// Terms must all be in the text, those that are Not must not.
	Terms []Term
	// From and In are names or ids; one of each must fit. None: anything does.
	From, In []Name
	// Has must all be there.
	Has []Has
	// After and Before are the times between which a message was sent: After <= sent < Before. Zero: no limit.
	After, Before time.Time
}

// Term is a word, or words in a row.
type Term struct {
	// Words as package Words makes them; at least one.
	Words []string
	// Prefix: the last word may go on.
	Prefix bool
	Not    bool
}

// Name is the text of a filter and where it stands.
type Name struct {
	Text string
	At   int
}

// Has is something that a message may have.
type Has string

// What a message may have. The texts are API, and in the index.
const (
	HasLink     Has = "link"
	HasFile     Has = "file" // also an image
	HasImage    Has = "image"
	HasReaction Has = "reaction"
	HasPin      Has = "pin"
)

// Error is what is wrong with a query. Its text names the place: the first character is 1.
type Error struct {
	At   int
	What string
}

func (e *Error) Error() string { return fmt.Sprintf("at character %d: %s", e.At, e.What) }

func errorAt(at int, format string, args ...any) *Error {
	return &Error{at, fmt.Sprintf(format, args...)}
}
