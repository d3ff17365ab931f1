// Package keys holds the Ed25519 keys that sign access tokens. They live in the store, the private parts encrypted under
// NATTER_SECRET_KEY; all instances of auth sign with the same one, the newest.
package keys

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// Store is the part of store.Store that keeps keys.
type Store interface {
	SigningKeys(ctx context.Context) ([]store.SigningKey, error)
	AddSigningKey(ctx context.Context, k store.SigningKey) error
}

// Ring is the keys as they were when it was loaded. It is immutable.
type Ring struct {
	kid     string
	private ed25519.PrivateKey
	jwks    []byte
}

// Load reads the keys, and makes the first one when there is none: of instances that start together, one makes it. It
// fails when secret is not the one that the newest key was encrypted with.
func Load(ctx context.Context, s Store, secret Secret) (*Ring, error) {
	stored, err := s.SigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	if len(stored) == 0 {
		if err := s.AddSigningKey(ctx, generate(1, secret)); err != nil && fault.CodeOf(err) != fault.AlreadyExists {
			return nil, fmt.Errorf("store the first signing key: %w", err)
		}
		if stored, err = s.SigningKeys(ctx); err != nil {
			return nil, fmt.Errorf("read signing keys: %w", err)
		}
	}
	if len(stored) == 0 {
		return nil, errors.New("a signing key was stored and cannot be found")
	}
	public := map[string]ed25519.PublicKey{}
	for _, k := range stored {
		public[k.KeyID] = k.Public
	}
	ring := &Ring{kid: stored[0].KeyID}
	if ring.jwks, err = authn.EncodeKeys(public); err != nil {
		return nil, err
	}
	seed, err := secret.open(stored[0].Sealed, ring.kid)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("NATTER_SECRET_KEY is not the one that the signing keys in the database were encrypted with; " +
			"set that one again. If it is lost, delete the rows of the table signing_keys: everybody has to sign in again")
	}
	ring.private = ed25519.NewKeyFromSeed(seed)
	return ring, nil
}

func generate(generation int64, secret Secret) store.SigningKey {
	kid := rand.Text()
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	return store.SigningKey{
		Generation: generation, KeyID: kid, Public: public, Sealed: secret.seal(seed, kid),
		CreatedAt: time.Now().UTC().Truncate(time.Millisecond),
	}
}

// Sign makes an access token with the newest key.
func (r *Ring) Sign(id authn.Identity) (string, error) { return authn.Sign(id, r.kid, r.private) }

// JWKS is the public keys as a JWK set (RFC 7517) in JSON. It must not be changed.
func (r *Ring) JWKS() []byte { return r.jwks }
