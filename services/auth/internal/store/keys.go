package store

import (
	"context"
	"time"
)

// Keys keeps the keys that sign access tokens: a handful, so they are read and written together.
type Keys interface {
	// SigningKeys returns all keys, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)

	// UpdateSigningKeys replaces the keys by what change makes of them, both newest first, in one transaction that no other
	// of this kind runs beside: of instances that decide something at the same time, the second sees what the first did. It
	// returns what is stored then. change must be quick, must not change its argument, and may be called again.
	UpdateSigningKeys(ctx context.Context, change func([]SigningKey) []SigningKey) ([]SigningKey, error)
}

// SigningKey is an Ed25519 key that signs tokens. The database never sees the private part.
type SigningKey struct {
	// Generation counts the keys of a server: 1, 2, 3, …
	Generation int64
	// KeyID is the kid of the tokens it signs.
	KeyID string
	// Public is the raw public key, Sealed the encrypted private one.
	Public, Sealed []byte
	CreatedAt      time.Time
	// SignsFrom is when it began to sign; zero: it does not yet, it is only published. The newest key that signs is used.
	SignsFrom time.Time
}
