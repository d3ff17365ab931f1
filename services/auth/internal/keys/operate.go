package keys

import (
	"context"
	"fmt"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// Publish begins a rotation now, for an operator: the instances of auth that run finish it. Nothing happens while one is
// under way. It fails when the secret is not the one of the keys, because then no instance could read the new one.
func Publish(ctx context.Context, s store.Keys, key secret.Key, now time.Time) error {
	box, err := key.Box(purpose)
	if err != nil {
		return err
	}
	stored, err := s.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	if !opens(box, stored) {
		return errWrongSecret
	}
	now = now.UTC().Truncate(time.Millisecond)
	_, err = s.UpdateSigningKeys(ctx, func(keys []store.SigningKey) []store.SigningKey {
		switch {
		case len(keys) == 0:
			return rotate(keys, now, false, 0, box)
		case keys[0].SignsFrom.IsZero():
			return keys
		}
		return publish(keys, now, box)
	})
	return err
}

// Revoke replaces all keys by a new one, which signs at once: every access token ends, sessions go on. It is for keys that
// have leaked, and for a lost secret. isOtherSecret says that the keys were encrypted under a secret other than key:
// instances of auth that run with that one cannot read the new key.
func Revoke(ctx context.Context, s store.Keys, key secret.Key, now time.Time) (isOtherSecret bool, err error) {
	box, err := key.Box(purpose)
	if err != nil {
		return false, err
	}
	now = now.UTC().Truncate(time.Millisecond)
	_, err = s.UpdateSigningKeys(ctx, func(keys []store.SigningKey) []store.SigningKey {
		isOtherSecret = !opens(box, keys)
		var last int64
		if len(keys) > 0 {
			last = keys[0].Generation
		}
		next := generate(last+1, now, box)
		next.SignsFrom = now
		return []store.SigningKey{next}
	})
	return isOtherSecret, err
}

// opens reports whether box can decrypt the newest key, if there is one.
func opens(box secret.Box, keys []store.SigningKey) bool {
	if len(keys) == 0 {
		return true
	}
	_, _, err := box.Open(keys[0].Sealed, keys[0].KeyID)
	return err == nil
}
