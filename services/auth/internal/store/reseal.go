package store

import (
	"context"

	"github.com/natter-chat/natter/pkg/ids"
)

// Reseal is for replacing the secret key: all secrets of TOTP are encrypted anew. Signing keys are few, see Keys.
type Reseal interface {
	// SealedSecondFactors returns a page of users' encrypted secrets, in the order of users, from the one after the given.
	SealedSecondFactors(ctx context.Context, after ids.User, limit int) ([]SealedSecondFactor, error)

	// ResealSecondFactor replaces an encrypted secret, unless it has changed since it was read: then nothing happens.
	ResealSecondFactor(ctx context.Context, before SealedSecondFactor, sealed []byte) error
}

// SealedSecondFactor is the encrypted secret of a user.
type SealedSecondFactor struct {
	User   ids.User
	Sealed []byte
}
