package authn_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// issuer stands for auth: it has keys, publishes them, and counts how often it is asked.
type issuer struct {
	mu      sync.Mutex
	keys    map[string]ed25519.PrivateKey
	down    error
	fetches atomic.Int32
}

// newIssuer has one key, k1, made from a fixed seed so that fuzzing can be repeated.
func newIssuer() *issuer {
	return &issuer{keys: map[string]ed25519.PrivateKey{"k1": newKey(1)}}
}

func newKey(seed byte) ed25519.PrivateKey {
	s := make([]byte, ed25519.SeedSize)
	s[0] = seed
	return ed25519.NewKeyFromSeed(s)
}

func (i *issuer) fetch(context.Context) ([]byte, error) {
	i.fetches.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down != nil {
		return nil, i.down
	}
	public := map[string]ed25519.PublicKey{}
	for kid, key := range i.keys {
		public[kid] = key.Public().(ed25519.PublicKey)
	}
	return authn.EncodeKeys(public)
}

func (i *issuer) setDown(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = err
}

func (i *issuer) sign(tb testing.TB, kid string, id authn.Identity) string {
	tb.Helper()
	token, err := authn.Sign(id, kid, i.keys[kid])
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func newIdentity(ttl time.Duration) authn.Identity {
	return authn.Identity{
		Caller: authn.Caller{
			User: ids.New[ids.User](), Username: "Zoë", Avatar: "https://example.org/a.png", Email: "zoe@example.org",
			Session: ids.Session{1},
		},
		Roles:     []string{"member", "admin"},
		ExpiresAt: time.Now().Add(ttl).Truncate(time.Second).UTC(),
	}
}

func TestVerifyReadsWhatSignWrote(t *testing.T) {
	t.Parallel()
	iss := newIssuer()
	v := authn.NewVerifier(iss.fetch)
	want := newIdentity(time.Minute)
	token := iss.sign(t, "k1", want)
	for range 2 { // the second from the cache
		got, err := v.Verify(t.Context(), token)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v\nwant %+v", got, err, want)
		}
	}
	if n := iss.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// raw makes a signed JWT of any header and claims, as an attacker (or a mistake of ours) could.
func raw(tb testing.TB, alg jwa.SignatureAlgorithm, key any, typ string, claims map[string]any) string {
	tb.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	h := jws.NewHeaders()
	if err := errors.Join(h.Set(jws.KeyIDKey, "k1"), h.Set(jws.TypeKey, typ)); err != nil {
		tb.Fatal(err)
	}
	token, err := jws.Sign(payload, jws.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		tb.Fatal(err)
	}
	return string(token)
}

// attacks are tokens that must not pass, by what is wrong with them.
func attacks(tb testing.TB, iss *issuer, id authn.Identity) map[string]string {
	tb.Helper()
	key := iss.keys["k1"]
	claims := func(change func(map[string]any)) map[string]any {
		c := map[string]any{
			"iss": authn.Issuer, "sub": ids.New[ids.User]().String(), "sid": ids.New[ids.Session]().String(), "exp": time.Now().Add(time.Minute).Unix(),
		}
		change(c)
		return c
	}
	same := func(map[string]any) {}
	segment := base64.RawURLEncoding.EncodeToString
	good := iss.sign(tb, "k1", id)
	parts := strings.Split(good, ".")
	none := segment([]byte(`{"alg":"none","typ":"at+jwt","kid":"k1"}`))
	hs256 := segment([]byte(`{"alg":"HS256","typ":"at+jwt","kid":"k1"}`)) + "." + parts[1]
	return map[string]string{
		"empty":               "",
		"not a token":         "a.b.c",
		"no signature":        parts[0] + "." + parts[1] + ".",
		"alg none":            none + "." + parts[1] + ".",
		"alg none, signed":    none + "." + parts[1] + "." + parts[2],
		"alg HS256, signed":   hs256 + "." + segment(ed25519.Sign(key, []byte(hs256))),
		"other payload":       parts[0] + "." + segment([]byte(`{"iss":"natter","sub":"x"}`)) + "." + parts[2],
		"another key":         raw(tb, jwa.EdDSA, newKey(9), "at+jwt", claims(same)),
		"public key as HMAC":  raw(tb, jwa.HS256, []byte(key.Public().(ed25519.PublicKey)), "at+jwt", claims(same)),
		"another kind of JWT": raw(tb, jwa.EdDSA, key, "JWT", claims(same)),
		"another issuer":      raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["iss"] = "other" })),
		"no expiry":           raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "exp") })),
		"no subject":          raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "sub") })),
		"subject no id":       raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["sub"] = "*.>" })),
		"no session":          raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { delete(c, "sid") })),
		"not yet issued":      raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() })),
		"JSON form":           `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"JSON form with dots": `{"..":"","payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"too long":            raw(tb, jwa.EdDSA, key, "at+jwt", claims(func(c map[string]any) { c["email"] = strings.Repeat("x", 8<<10) })),
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	iss := newIssuer()
	v := authn.NewVerifier(iss.fetch)
	for name, token := range attacks(t, iss, newIdentity(time.Minute)) {
		if id, err := v.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	if n := iss.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

func TestVerifyEndsWithTheExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		v := authn.NewVerifier(iss.fetch)
		token := iss.sign(t, "k1", newIdentity(10*time.Minute))
		for _, step := range []struct {
			after time.Duration
			code  fault.Code
		}{
			{0, ""},
			{10*time.Minute + 20*time.Second, ""}, // within the leeway
			{20 * time.Second, fault.Unauthenticated},
			{0, fault.Unauthenticated}, // no longer in the cache
		} {
			<-time.After(step.after)
			if _, err := v.Verify(t.Context(), token); fault.CodeOf(err) != step.code {
				t.Errorf("after another %v: %v, want %q", step.after, err, step.code)
			}
		}
	})
}

func TestUnknownKeyIsFetchedOncePerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		iss.keys["k2"] = newKey(2)
		v := authn.NewVerifier(iss.fetch)
		secret := iss.keys["k2"]
		token := iss.sign(t, "k2", newIdentity(time.Hour))
		delete(iss.keys, "k2")

		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if _, err := v.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
					t.Errorf("before auth has the key: %v", err)
				}
			})
		}
		callers.Wait()
		iss.keys["k2"] = secret
		if _, err := v.Verify(t.Context(), token); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("within the second: %v", err)
		}
		if n := iss.fetches.Load(); n != 1 {
			t.Errorf("%d fetches within a second, want 1", n)
		}
		<-time.After(time.Second)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

func TestAuthIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		v := authn.NewVerifier(iss.fetch)
		iss.setDown(errors.New("down"))
		token := iss.sign(t, "k1", newIdentity(time.Hour))
		_, err := v.Verify(t.Context(), token)
		if f := fault.From(err); f.Code != fault.Unavailable || f.RetryAfter == 0 {
			t.Errorf("before the first fetch: %v", err)
		}
		iss.setDown(nil)
		<-time.After(time.Second)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		iss.setDown(errors.New("down"))
		<-time.After(30 * time.Minute)
		if _, err := v.Verify(t.Context(), iss.sign(t, "k1", newIdentity(time.Hour))); err != nil {
			t.Errorf("a new token of a known key: %v", err)
		}
	})
}

// A caller who gives up must neither wait for the others nor take the answer from them.
func TestVerifyGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		answer := make(chan struct{})
		v := authn.NewVerifier(func(ctx context.Context) ([]byte, error) {
			select {
			case <-answer:
				return iss.fetch(ctx)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
		token := iss.sign(t, "k1", newIdentity(time.Minute))
		first, cancelFirst := context.WithCancel(t.Context())
		second, cancelSecond := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		var callers sync.WaitGroup
		callers.Go(func() { _, _ = v.Verify(first, token) })
		synctest.Wait() // the first fetches
		callers.Go(func() { _, err := v.Verify(second, token); errs <- err })
		synctest.Wait()
		cancelSecond()
		if err := <-errs; fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("the one who gave up: %v", err)
		}
		callers.Go(func() { _, err := v.Verify(t.Context(), token); errs <- err })
		cancelFirst()
		synctest.Wait()
		close(answer)
		if err := <-errs; err != nil {
			t.Errorf("the one who waits: %v", err)
		}
		callers.Wait()
	})
}

func FuzzVerify(f *testing.F) {
	iss := newIssuer()
	v := authn.NewVerifier(iss.fetch)
	// The same in every process of the fuzzer.
	want := newIdentity(0)
	want.Caller.User = ids.User{1}
	want.ExpiresAt = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Add(iss.sign(f, "k1", want))
	for _, token := range attacks(f, iss, want) {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		got, err := v.Verify(t.Context(), token)
		switch {
		case err == nil && !reflect.DeepEqual(got, want):
			t.Errorf("passed as %+v", got)
		case err != nil && fault.CodeOf(err) != fault.Unauthenticated:
			t.Errorf("%v, want unauthenticated", err)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	good, err := newIssuer().fetch(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	token := newIssuer().sign(f, "k1", newIdentity(24*time.Hour))
	f.Add(good)
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA","kid":"k1"},{"kty":"new","kid":"k1"}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := authn.NewVerifier(func(context.Context) ([]byte, error) { return raw, nil })
		_, err := v.Verify(t.Context(), token)
		if code := fault.CodeOf(err); err != nil && code != fault.Unauthenticated && code != fault.Unavailable {
			t.Error(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	iss := newIssuer()
	token := iss.sign(b, "k1", newIdentity(time.Hour))
	b.Run("cached", func(b *testing.B) {
		v := authn.NewVerifier(iss.fetch)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		v := authn.NewVerifier(iss.fetch)
		// A signature is deterministic, so new tokens need new sessions.
		tokens := make([]string, 20_000)
		for i := range tokens {
			id := newIdentity(time.Hour)
			tokens[i] = iss.sign(b, "k1", id)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i == len(tokens) {
				v, i = authn.NewVerifier(iss.fetch), 0
			}
			if _, err := v.Verify(b.Context(), tokens[i]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
