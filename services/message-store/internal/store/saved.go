package store

import (
	"errors"

	"github.com/natter-chat/natter/pkg/ids"
)

// Saved is a message that a user saved for themself.
type Saved struct {
	User ids.User
	Ref
	// ID sorts by when it was saved, and is another one when it is saved again.
	ID ids.Saved
}

// ErrFull is the outcome of saving one message more than a user may.
var ErrFull = errors.New("too many saved messages")

// BeyondSaved sorts after the id of every saved message.
func BeyondSaved() (id ids.Saved) {
	for i := range id {
		id[i] = 0xff
	}
	return id
}
