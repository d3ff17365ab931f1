package auth_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	"github.com/natter-chat/natter/services/auth"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

func secretOf(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

// The secret key is replaced, and then it is lost: access tokens end at most, sessions go on.
func TestSecretKeyIsReplacedAndLost(t *testing.T) {
	t.Parallel()
	ctx, natsURL := t.Context(), testkit.NATS(t)
	base := settings(t, natsURL, nil)
	with := func(key, old string) map[string]string {
		all := maps.Clone(base)
		all["NATTER_SECRET_KEY"], all["NATTER_SECRET_KEY_OLD"] = key, old
		return all
	}
	var c client
	verify := func(token string) fault.Code {
		_, err := authn.NewVerifier(c.fetchKeys).Verify(ctx, token)
		return fault.CodeOf(err)
	}
	a, b, lost := secretOf('a'), secretOf('b'), secretOf('l')

	first := mustStart(t, with(a, ""))
	c = dial(t, natsURL)
	in, err := c.register(ctx, "ann@example.org", "Ann", "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	stop := func(i *instance) {
		t.Helper()
		if err := i.stop(); err != nil {
			t.Fatal(err)
		}
	}
	stop(first)
	// A second factor as it is stored.
	box := func(key string) secret.Box {
		t.Helper()
		k, err := secret.Parse(key, "")
		if err != nil {
			t.Fatal(err)
		}
		sealer, err := k.Box("natter auth second factors")
		if err != nil {
			t.Fatal(err)
		}
		return sealer
	}
	database, err := sqlite.Open(ctx, filepath.Join(base["NATTER_DATA_DIR"], "auth.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	ann, err := ids.ParseUser(in.GetUser().GetId())
	if err != nil {
		t.Fatal(err)
	}
	if err := database.OfferSecondFactor(ctx, ann, ids.Session{}, box(a).Seal([]byte("totp"), ann.String())); err != nil {
		t.Fatal(err)
	}

	if _, err := start(t, with(b, "")); err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY_OLD") {
		t.Errorf("another key without the old one: %v", err)
	}
	stop(mustStart(t, with(b, a)))
	if _, err := start(t, with(a, "")); err == nil {
		t.Error("the old key alone still reads what was encrypted anew")
	}
	factor, err := database.SecondFactor(ctx, ann)
	if err != nil {
		t.Fatal(err)
	}
	if plain, _, err := box(b).Open(factor.Sealed, ann.String()); err != nil || string(plain) != "totp" {
		t.Errorf("the second factor is not encrypted anew: %q, %v", plain, err)
	}
	second := mustStart(t, with(b, ""))
	c = dial(t, natsURL)
	if code := verify(in.GetAccessToken()); code != "" {
		t.Errorf("a token from before: %s", code)
	}
	stop(second)

	var cfg auth.Config
	if err := config.NewSource(with(lost, "")).Load(&cfg); err != nil {
		t.Fatal(err)
	}
	if err := auth.RotateSigningKeys(ctx, cfg); err == nil || !strings.Contains(err.Error(), "natter keys revoke") {
		t.Errorf("a rotation with another secret: %v", err)
	}
	if isOther, err := auth.RevokeSigningKeys(ctx, cfg); err != nil || !isOther {
		t.Fatalf("revoke: %v, %v", isOther, err)
	}
	mustStart(t, with(lost, ""))
	c = dial(t, natsURL)
	if code := verify(in.GetAccessToken()); code != fault.Unauthenticated {
		t.Errorf("a token of a revoked key: %q", code)
	}
	again, err := call[*authv1.SignedIn](ctx, c, "Refresh", &authv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	if err != nil || verify(again.GetAccessToken()) != "" {
		t.Errorf("the session did not go on: %v", err)
	}
	if err := auth.RotateSigningKeys(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	list, err := auth.SigningKeys(ctx, cfg)
	if err != nil || len(list) != 2 || !list[0].SignsFrom.IsZero() || list[1].SignsFrom.IsZero() {
		t.Errorf("%+v, %v; want one published and one that signs", list, err)
	}
	cfg.DataDir = t.TempDir()
	if list, err := auth.SigningKeys(ctx, cfg); err == nil || !strings.Contains(err.Error(), "data directory") {
		t.Errorf("of an empty directory: %+v, %v", list, err)
	}
}

func TestStartRefusesKeySettings(t *testing.T) {
	t.Parallel()
	natsURL := testkit.NATS(t)
	for _, more := range []map[string]string{
		{"NATTER_KEY_ROTATION": "59m"},
		{"NATTER_KEY_ROTATION": "-1h"},
		{"NATTER_ACCESS_TOKEN_TTL": "25h", "NATTER_SESSION_TTL": "720h"},
		{"NATTER_SECRET_KEY_OLD": "hunter2"},
	} {
		_, err := start(t, settings(t, natsURL, more))
		for name := range more {
			if name != "NATTER_SESSION_TTL" && (err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("%v: %v", more, err)
			}
		}
	}
}
