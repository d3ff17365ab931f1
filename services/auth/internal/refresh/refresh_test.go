package refresh_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/refresh"
)

func TestTokenText(t *testing.T) {
	t.Parallel()
	session := ids.New[ids.Session]()
	token := refresh.New(session)
	got, err := refresh.Parse(token.String())
	if err != nil || got != token || got.Session != session {
		t.Errorf("%v, %v; want %v", got, err, token)
	}
	if refresh.New(session) == token {
		t.Error("two tokens are equal")
	}
	text := token.String()
	for name, bad := range map[string]string{
		"empty": "", "short": text[1:], "long": text + "A", "padded": text + "=", "another alphabet": "+" + text[1:],
		"line break": text[:85] + "\n", "loose last bits": text[:85] + "_", "spaces": strings.Repeat(" ", len(text)),
	} {
		if got, err := refresh.Parse(bad); !errors.Is(err, refresh.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("")
	f.Add(refresh.New(ids.Session{}).String())
	f.Add(strings.Repeat("A", 86))
	f.Add(strings.Repeat("_", 86))
	f.Add(strings.Repeat("A", 84) + "\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := refresh.Parse(text)
		if err != nil {
			return
		}
		if token.String() != text {
			t.Errorf("%q is the token %q as well", text, token)
		}
	})
}

func TestChain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	first := refresh.New(ids.New[ids.Session]())
	chain := refresh.Begin(first)
	use := func(token refresh.Token, after time.Duration) refresh.Token {
		t.Helper()
		next, err := chain.Use(token, now.Add(after))
		if err != nil {
			t.Fatalf("after %v: %v", after, err)
		}
		return next
	}
	refuse := func(token refresh.Token, after time.Duration, want error) {
		t.Helper()
		before := chain
		if next, err := chain.Use(token, now.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, %v; want %v", after, next, err, want)
		}
		if !reflect.DeepEqual(chain, before) {
			t.Error("a refused token has changed the chain")
		}
	}
	second := use(first, 0)
	third := use(second, time.Second)
	if first == second || second == third || second.Session != first.Session {
		t.Error("a token was not replaced")
	}
	// Within the grace, in whatever order, and when the clock goes back, each has its one successor.
	for _, after := range []time.Duration{2 * time.Second, refresh.Grace - 1, -time.Hour} {
		if got := use(first, after); got != second {
			t.Errorf("after %v the first token has another successor", after)
		}
	}
	if got := use(second, refresh.Grace); got != third {
		t.Error("the second token has another successor")
	}
	refuse(first, refresh.Grace, refresh.ErrReused)
	fourth := use(third, time.Hour)
	refuse(second, time.Hour, refresh.ErrReused)
	if len(chain.Recent) != 1 {
		t.Errorf("%d used tokens are kept, want the one in its grace", len(chain.Recent))
	}
	// Who knows no more than the session's id cannot make it look stolen.
	refuse(refresh.New(first.Session), 0, refresh.ErrUnknown)
	use(fourth, 2*time.Hour)
}

func TestChainIsBounded(t *testing.T) {
	t.Parallel()
	token := refresh.New(ids.New[ids.Session]())
	chain := refresh.Begin(token)
	for range 100 {
		token, _ = chain.Use(token, time.Now())
	}
	if n := len(chain.Recent); n != 16 {
		t.Errorf("%d used tokens are kept", n)
	}
}

// A chain is stored as JSON; and nothing in it is, or contains, a token.
func TestChainHidesTokens(t *testing.T) {
	t.Parallel()
	first := refresh.New(ids.New[ids.Session]())
	chain := refresh.Begin(first)
	second, err := chain.Use(first, time.UnixMilli(1_763_800_000_123).UTC())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(chain)
	if err != nil {
		t.Fatal(err)
	}
	var back refresh.Chain
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, chain) {
		t.Errorf("%+v, %v\nwant %+v", back, err, chain)
	}
	for _, secret := range []refresh.Block{chain.Family, chain.Current, chain.Recent[0].Token, chain.Recent[0].Next} {
		forged := withSecret(t, first, secret)
		if forged == second {
			t.Error("the chain contains the current token")
		}
		if _, err := chain.Use(forged, time.Now()); err == nil {
			t.Errorf("a token made of %x is taken", secret)
		}
	}
}

// withSecret is a token of the same chain with this secret.
func withSecret(t *testing.T, token refresh.Token, secret refresh.Block) refresh.Token {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token.String())
	if err != nil {
		t.Fatal(err)
	}
	forged, err := refresh.Parse(base64.RawURLEncoding.EncodeToString(append(raw[:32:32], secret[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	return forged
}
