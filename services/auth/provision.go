package auth

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/service"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Account is a user for Provision to make.
type Account struct{ Email, Username string }

// Provisioned is one that it made.
type Provisioned struct{ ID, Token string }

// Provision writes accounts straight into auth's store, in one transaction, and returns each with an access token, valid
// for ttl (at most 24 h) and signed with the server's key. It is for those who own the server's database and its NATTER_SECRET_KEY, as
// the load generator does: no request reaches it. The accounts have no password, so nobody can sign in to them. Of cfg it
// uses the store and the key.
func Provision(ctx context.Context, cfg Config, accounts []Account, ttl time.Duration) (made []Provisioned, err error) {
	if ttl > keys.MaxTokenTTL {
		return nil, fmt.Errorf("a token cannot be valid for %v: at most %v", ttl, keys.MaxTokenTTL)
	}
	secretKey, err := secret.Parse(cfg.SecretKey, cfg.SecretKeyOld)
	if err != nil {
		return nil, err
	}
	users := make([]user.User, len(accounts))
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, a := range accounts {
		users[i] = user.User{ID: ids.New[ids.User](), CreatedAt: now}
		if users[i].Email, err = user.ParseEmail(a.Email); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Email, err)
		}
		if users[i].Username, err = user.ParseUsername(a.Username); err != nil {
			return nil, fmt.Errorf("%s: %w", a.Username, err)
		}
	}
	s, err := cfg.openStore(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ring, err := keys.Load(ctx, keys.Config{Store: s, Secret: secretKey, Clock: keys.SystemClock(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if err := s.AddUsers(ctx, users); err != nil {
		return nil, err
	}
	for _, u := range users {
		token, err := ring.Sign(service.IdentityOf(u, ids.New[ids.Session](), ttl))
		if err != nil {
			return nil, err
		}
		made = append(made, Provisioned{u.ID.String(), token})
	}
	return made, nil
}
