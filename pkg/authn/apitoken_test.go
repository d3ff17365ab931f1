package authn_test

import (
	"crypto/sha256"
	"regexp"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
)

// What a scanner of source code is told to look for.
var scanned = regexp.MustCompile(`^natter_[a-z2-7]{59}$`)

func TestAPIToken(t *testing.T) {
	t.Parallel()
	a, b := authn.NewAPIToken(), authn.NewAPIToken()
	hash, ok := authn.HashAPIToken(a)
	if a == b || !scanned.MatchString(a) || !authn.IsAPIToken(a) || !ok || hash != sha256.Sum256([]byte(a)) {
		t.Errorf("%s, %s: %v", a, b, ok)
	}
	for i := range a { // every single mistake is noticed
		for _, c := range []string{"", "a", "7", "A", "_"} {
			if typo := a[:i] + c + a[i+1:]; typo != a {
				if _, ok := authn.HashAPIToken(typo); ok {
					t.Errorf("%s passed for %s", typo, a)
				}
			}
		}
	}
}

func FuzzHashAPIToken(f *testing.F) {
	// A fixed one, so that fuzzing can be repeated; the format is forever.
	const good = "natter_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaamdqhfdi"
	f.Add(good)
	for _, bad := range []string{"", "natter_", good + "a", good[1:], strings.ToUpper(good), "natter_" + strings.Repeat("\x00", 59)} {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, s string) {
		hash, ok := authn.HashAPIToken(s)
		if ok && (!authn.IsAPIToken(s) || len(s) != len(good) || hash != sha256.Sum256([]byte(s))) {
			t.Errorf("%q passed", s)
		}
		if (s == good) && !ok {
			t.Errorf("%q did not pass", s)
		}
	})
}

func TestScopesOfAnIdentity(t *testing.T) {
	t.Parallel()
	person, bot := authn.Identity{}, authn.Identity{IsAPIToken: true, Scopes: []string{authn.ScopeRead}}
	for scope, want := range map[string]bool{authn.ScopeRead: true, authn.ScopeWrite: false, "": false} {
		if !person.May(scope) || bot.May(scope) != want {
			t.Errorf("scope %q: %v, %v", scope, person.May(scope), bot.May(scope))
		}
	}
	if (authn.Identity{IsAPIToken: true}).May("") {
		t.Error("a token without scopes may something")
	}
}
