package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
)

// Throttle counts attempts, so that guessing is slow however many instances are asked. Attempts are counted before their
// outcome is known: of a thousand at once no more pass than one after the other.
type Throttle interface {
	// CountAttempt counts a under each of its limits, all or none. ResourceExhausted with RetryAfter when one of them
	// makes it wait. While a.Own is known (see ForgiveAttempt) the shared limits neither count nor hold up, and known says so.
	CountAttempt(ctx context.Context, now time.Time, a Attempt) (known bool, err error)

	// ForgiveAttempt takes back what CountAttempt counted: a.Own does not wait any more, and a shared limit goes back by
	// one, but a wait that it has begun goes on. When knownUntil is not zero, a.Own begins anew and is known until then.
	ForgiveAttempt(ctx context.Context, a Attempt, knownUntil time.Time) error

	// ForgetAttempts removes at most limit counters that have no meaning any more, and says how many they were.
	ForgetAttempts(ctx context.Context, now time.Time, limit int) (int, error)
}

// Attempt is something that may be tried only so often.
type Attempt struct {
	// Own is the limit of those who make this attempt, such as one address for one account; without Key: there is none.
	Own Limit
	// Shared are limits that others feel, too: of the account, of the address.
	Shared []Limit
}

// Limit is how often something may be tried: Free times at once, and then after a wait that doubles each time.
type Limit struct {
	// Key is what is counted: a hash, so that no address of anybody is in the table.
	Key []byte
	// Free is the number of attempts before the first wait; at least 1.
	Free int
	// Wait is the first wait, Max the longest. Both are counted in milliseconds.
	Wait, Max time.Duration
	// Forget is the time after the first attempt when counting begins anew, whatever happens meanwhile: an address that
	// many share must not be slow for good. A wait that has begun goes on.
	Forget time.Duration
}

// ErrWait is what an attempt is told that comes too early.
func ErrWait(wait time.Duration) error {
	return fault.New(fault.ResourceExhausted, "too many attempts; try again later").WithRetryAfter(wait)
}
