package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const (
	// MaxTokenTTL is the longest that an access token may be valid.
	MaxTokenTTL = 24 * time.Hour
	// MinRotation is the least time between two keys.
	MinRotation = time.Hour
	// retention is how long a key that does not sign any more is published: longer than any token that it signed lives,
	// with an hour for instances that learned late that it was replaced.
	retention = MaxTokenTTL + time.Hour
	// settleTime is how long an instance itself must have seen the keys as they are before it takes the next step, by a
	// clock that does not jump. It is how long a new key is published before it signs; and whatever the wall clocks say,
	// the key before it stays for that long, which is more than the life of a token by default.
	settleTime = 15 * time.Minute
)

// rotate returns the keys after the steps that are due, newest first. A key's life, each step at least settleTime apart:
//
//	published ─▶ signs ─▶ (every later) the next is published ─▶ the next signs ─▶ (retention later) gone
//
// isSettled says whether enough time has passed since the last step. A wall clock that jumps can only make a step come
// early or late, which nobody notices; a key that seems to have begun in the future, when a clock was set back, is
// replaced if that is further off than a rotation. every = 0 makes no new keys.
func rotate(keys []store.SigningKey, now time.Time, isSettled bool, every time.Duration, box secret.Box) []store.SigningKey {
	if len(keys) == 0 {
		first := generate(1, now, box)
		first.SignsFrom = now // nobody knows another
		return []store.SigningKey{first}
	}
	if !isSettled {
		return keys
	}
	keys = retire(keys, now)
	switch newest := keys[0]; {
	case newest.SignsFrom.IsZero():
		return activate(keys, now)
	case every > 0 && now.Sub(newest.SignsFrom).Abs() >= every:
		return publish(keys, now, box)
	}
	return keys
}

// publish adds a key that does not sign yet.
func publish(keys []store.SigningKey, now time.Time, box secret.Box) []store.SigningKey {
	return append([]store.SigningKey{generate(keys[0].Generation+1, now, box)}, keys...)
}

// activate lets the newest key sign.
func activate(keys []store.SigningKey, now time.Time) []store.SigningKey {
	newest := keys[0]
	newest.SignsFrom = now
	return append([]store.SigningKey{newest}, keys[1:]...)
}

// retire drops the keys whose successor has signed for the time of retention, and those before them.
func retire(keys []store.SigningKey, now time.Time) []store.SigningKey {
	for i, successor := range keys {
		if !successor.SignsFrom.IsZero() && now.Sub(successor.SignsFrom) >= retention {
			return keys[:i+1]
		}
	}
	return keys
}

// reseal encrypts anew, under the current secret, what is still encrypted under the old one.
func reseal(keys []store.SigningKey, box secret.Box) []store.SigningKey {
	all := make([]store.SigningKey, len(keys))
	for i, k := range keys {
		if seed, isOld, err := box.Open(k.Sealed, k.KeyID); err == nil && isOld {
			k.Sealed = box.Seal(seed, k.KeyID)
		}
		all[i] = k
	}
	return all
}

func generate(generation int64, now time.Time, box secret.Box) store.SigningKey {
	kid := rand.Text()
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	return store.SigningKey{Generation: generation, KeyID: kid, Public: public, Sealed: box.Seal(seed, kid), CreatedAt: now}
}
