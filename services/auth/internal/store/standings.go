package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
)

// Standings keeps what users say about themselves, and when they were last online.
type Standings interface {
	// SetStatus replaces what a user says; the zero Status is nothing.
	SetStatus(ctx context.Context, id ids.User, s Status) error

	// Standings returns those of these users about whom something is known, in no order. Statuses that have expired by now
	// are left out.
	Standings(ctx context.Context, now time.Time, users []ids.User) ([]Standing, error)

	// RecordSeen notes when these users were online last. It never goes back; users who do not exist are left out.
	RecordSeen(ctx context.Context, seen map[ids.User]time.Time) error
}

// Status is what a user says beside their name.
type Status struct {
	Text, Emoji  string
	DoNotDisturb bool
	ExpiresAt    time.Time // zero: never
}

// Standing is what is known of a user.
type Standing struct {
	User     ids.User
	Status   Status
	LastSeen time.Time // zero: never
}

// AsOf is the standing without a status that has expired by now.
func (s Standing) AsOf(now time.Time) Standing {
	if !s.Status.ExpiresAt.IsZero() && !s.Status.ExpiresAt.After(now) {
		s.Status = Status{}
	}
	return s
}
