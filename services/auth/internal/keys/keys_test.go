package keys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

func newSecret(t *testing.T, fill byte) keys.Secret {
	t.Helper()
	secret, err := keys.ParseSecret(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func openStore(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestInstancesThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	path, secret := filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1)
	rings := make([]*keys.Ring, 8)
	var group errgroup.Group
	for i := range rings {
		s := openStore(t, path)
		group.Go(func() (err error) {
			rings[i], err = keys.Load(t.Context(), s, secret)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	// What any of them signs, the keys of any other verify; also those of one that starts later.
	later, err := keys.Load(t.Context(), openStore(t, path), secret)
	if err != nil {
		t.Fatal(err)
	}
	id := authn.Identity{
		Caller: authn.Caller{User: ids.New[ids.User](), Session: ids.New[ids.Session]()}, ExpiresAt: time.Now().Add(time.Minute),
	}
	for _, signer := range rings {
		token, err := signer.Sign(id)
		if err != nil {
			t.Fatal(err)
		}
		v := authn.NewVerifier(func(context.Context) ([]byte, error) { return later.JWKS(), nil })
		if got, err := v.Verify(t.Context(), token); err != nil || got.Caller != id.Caller {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func TestLoadNeedsTheSecretOfTheKeys(t *testing.T) {
	t.Parallel()
	s := openStore(t, filepath.Join(t.TempDir(), "auth.db"))
	if _, err := keys.Load(t.Context(), s, newSecret(t, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(t.Context(), s, newSecret(t, 2)); err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY") {
		t.Errorf("with another secret: %v", err)
	}
	stored, err := s.SigningKeys(t.Context())
	if err != nil || len(stored) != 1 {
		t.Fatalf("%+v, %v; want one key", stored, err)
	}
	// A row that someone put there under the name of another, or changed, is not signed with.
	moved := stored[0]
	moved.Generation, moved.KeyID = 2, "other"
	if err := s.AddSigningKey(t.Context(), moved); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(t.Context(), s, newSecret(t, 1)); err == nil {
		t.Error("a sealed key passed under another id")
	}
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	if _, err := keys.ParseSecret(good + "\n"); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{
		"missing": "", "too short": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 31)),
		"too long": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 33)), "no base64": strings.Repeat("!", 44),
	} {
		_, err := keys.ParseSecret(text)
		if err == nil || !strings.Contains(err.Error(), "openssl rand -base64 32") || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
