package auth

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SigningKey is a key that signs access tokens, without its secret part.
type SigningKey struct {
	ID        string
	CreatedAt time.Time
	// SignsFrom is when it began to sign; zero: it is published only.
	SignsFrom time.Time
}

// SigningKeys lists the keys, newest first. Like the two below it is for those who own the server's database, and works
// beside instances of auth that run.
func SigningKeys(ctx context.Context, cfg Config) (list []SigningKey, err error) {
	err = cfg.withStore(ctx, func(s store.Store) error {
		stored, err := s.SigningKeys(ctx)
		for _, k := range stored {
			list = append(list, SigningKey{ID: k.KeyID, CreatedAt: k.CreatedAt, SignsFrom: k.SignsFrom})
		}
		return err
	})
	return list, err
}

// RotateSigningKeys begins a rotation now; the instances that run finish it, and nobody notices. It needs the secret key.
func RotateSigningKeys(ctx context.Context, cfg Config) error {
	key, err := secret.Parse(cfg.SecretKey, cfg.SecretKeyOld)
	if err != nil {
		return err
	}
	return cfg.withStore(ctx, func(s store.Store) error {
		now := time.Now()
		if err := keys.Publish(ctx, s, key, now); err != nil {
			return err
		}
		return s.AppendAudit(ctx, audit.Event{At: now.UTC().Truncate(time.Millisecond), Kind: audit.KeysRotated})
	})
}

// RevokeSigningKeys replaces all keys by a new one, encrypted under the secret key of cfg: every access token ends, and
// clients fetch a new one in their sessions. isOtherSecret says that auth ran with another secret key until now.
func RevokeSigningKeys(ctx context.Context, cfg Config) (isOtherSecret bool, err error) {
	key, err := secret.Parse(cfg.SecretKey, cfg.SecretKeyOld)
	if err != nil {
		return false, err
	}
	err = cfg.withStore(ctx, func(s store.Store) error {
		now := time.Now()
		if isOtherSecret, err = keys.Revoke(ctx, s, key, now); err != nil {
			return err
		}
		return s.AppendAudit(ctx, audit.Event{At: now.UTC().Truncate(time.Millisecond), Kind: audit.KeysRevoked})
	})
	return isOtherSecret, err
}

// withStore opens a store that is there: a wrong directory must not become a new one.
func (cfg Config) withStore(ctx context.Context, fn func(store.Store) error) error {
	if cfg.PostgresURL == "" {
		if _, err := os.Stat(filepath.Join(cfg.DataDir, databaseFile)); err != nil {
			return fmt.Errorf("%s is not the data directory of a server: %w", cfg.DataDir, err)
		}
	}
	s, err := cfg.openStore(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return fn(s)
}
