package authn_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"

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

// set replaces a key, or removes it if it is nil, and returns the one before.
func (i *issuer) set(kid string, key ed25519.PrivateKey) ed25519.PrivateKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	before := i.keys[kid]
	if delete(i.keys, kid); key != nil {
		i.keys[kid] = key
	}
	return before
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

// Made-up key ids cost auth a call a second, and those with valid tokens nothing, also when auth does not answer.
func TestStormOfUnknownKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		var hangs atomic.Bool
		v := authn.NewVerifier(func(ctx context.Context) ([]byte, error) {
			if hangs.Load() {
				iss.fetches.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return iss.fetch(ctx)
		})
		good := iss.sign(t, "k1", newIdentity(time.Hour))
		if _, err := v.Verify(t.Context(), good); err != nil {
			t.Fatal(err)
		}
		attacker := newKey(9)
		storm := func(seconds int, code fault.Code) {
			var callers sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			for i := range 10 * seconds {
				forged, err := authn.Sign(newIdentity(time.Hour), fmt.Sprintf("made-up-%d", i), attacker)
				if err != nil {
					t.Fatal(err)
				}
				callers.Go(func() {
					if _, err := v.Verify(ctx, forged); fault.CodeOf(err) != code {
						t.Errorf("forged: %v, want %s", err, code)
					}
				})
				began := time.Now()
				fresh := iss.sign(t, "k1", newIdentity(time.Hour)) // not remembered
				for _, token := range []string{good, fresh} {
					if _, err := v.Verify(t.Context(), token); err != nil || time.Since(began) > 0 {
						t.Errorf("a valid token after %v: %v", time.Since(began), err)
					}
				}
				<-time.After(100 * time.Millisecond)
			}
			cancel() // the clients give up
			callers.Wait()
		}
		storm(10, fault.Unauthenticated)
		if n := iss.fetches.Swap(0); n < 9 || n > 11 {
			t.Errorf("%d fetches in 10 seconds, want one a second", n)
		}
		hangs.Store(true)
		storm(10, fault.Unavailable)
		if n := iss.fetches.Load(); n > 10 {
			t.Errorf("%d fetches in 10 seconds of an auth that does not answer", n)
		}
	})
}

func TestRunFollowsTheKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		iss := newIssuer()
		v := authn.NewVerifier(iss.fetch)
		old := iss.sign(t, "k1", newIdentity(time.Hour))
		if _, err := v.Verify(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { v.Run(ctx) })
		check := func(when, token string, code fault.Code) {
			t.Helper()
			if _, err := v.Verify(t.Context(), token); fault.CodeOf(err) != code {
				t.Errorf("%s: %v, want %q", when, err, code)
			}
		}

		// A key is published, and then auth goes away.
		iss.set("k2", newKey(2))
		<-time.After(61 * time.Second)
		iss.setDown(errors.New("down"))
		<-time.After(10 * time.Minute)
		check("a key that was published before", iss.sign(t, "k2", newIdentity(time.Hour)), "")
		check("the key before it", old, "")

		// What answers has no keys.
		iss.setDown(nil)
		first := iss.set("k1", nil)
		second := iss.set("k2", nil)
		<-time.After(10 * time.Minute)
		check("after an empty answer", old, "")

		// The first is revoked; its token is remembered as good.
		iss.set("k2", second)
		<-time.After(61 * time.Second)
		check("a revoked key", old, fault.Unauthenticated)
		iss.set("k1", first)
		<-time.After(time.Second)
		check("it is back", old, "")

		cancel()
		running.Wait()
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

// BenchmarkVerify is on all cores: ns/op is that of the machine, not of a token.
func BenchmarkVerify(b *testing.B) {
	iss := newIssuer()
	tokens := make([]string, 20_000)
	for i := range tokens {
		tokens[i] = iss.sign(b, "k1", newIdentity(time.Hour)) // a signature is deterministic, but sessions differ
	}
	forged := make([]string, len(tokens))
	for i := range forged {
		forged[i] = raw(b, jwa.EdDSA, newKey(9), "at+jwt", map[string]any{"iss": authn.Issuer, "jti": i})
	}
	for _, bench := range []struct {
		name    string
		tokens  []string
		forgets bool
		fails   bool
	}{
		{"cached", tokens[:1000], false, false},
		{"new", tokens, true, false},
		{"forged", forged, false, true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			var next atomic.Int64
			var verifier atomic.Pointer[authn.Verifier]
			verifier.Store(authn.NewVerifier(iss.fetch))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(next.Add(1)) % len(bench.tokens)
					if i == 0 && bench.forgets {
						verifier.Store(authn.NewVerifier(iss.fetch)) // forgets what it verified
					}
					if _, err := verifier.Load().Verify(b.Context(), bench.tokens[i]); (err != nil) != bench.fails {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
