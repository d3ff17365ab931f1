package keys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/keys"
	"github.com/natter-chat/natter/services/auth/internal/secret"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
)

const (
	day      = 24 * time.Hour
	rotation = 30 * day
	lookTime = 10 * time.Second
	// settled is more than an instance waits between two steps.
	settled = 16 * time.Minute
)

// newSecret has a key, and an old one unless that is 0.
func newSecret(t *testing.T, fill, old byte) secret.Key {
	t.Helper()
	text := func(fill byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32)) }
	oldText := text(old)
	if old == 0 {
		oldText = ""
	}
	key, err := secret.Parse(text(fill), oldText)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clock is a keys.Clock that tests move: by and by, or in jumps.
type clock struct {
	mu      sync.Mutex
	elapsed time.Duration
	jumped  time.Duration
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.elapsed += d
}

func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jumped += d
}

func (c *clock) keys() keys.Clock {
	return keys.Clock{
		Wall: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return time.UnixMilli(1_763_800_000_123).Add(c.elapsed + c.jumped)
		},
		Elapsed: func() time.Duration {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.elapsed
		},
	}
}

// instance is an auth: a ring of its own on the shared database.
type instance struct {
	*keys.Ring
	*clock
	store *sqlite.Store
}

// start returns an instance on the database at path; its clock shows what the others' do.
func start(t *testing.T, path string, key secret.Key, others ...*instance) *instance {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	i := &instance{clock: &clock{}, store: s}
	for _, other := range others {
		i.elapsed = other.elapsed
	}
	if i.Ring, err = keys.Load(t.Context(), config(s, key, i.clock)); err != nil {
		t.Fatal(err)
	}
	return i
}

func config(s store.Keys, key secret.Key, c *clock) keys.Config {
	return keys.Config{Store: s, Secret: key, Rotation: rotation, Clock: c.keys(), Log: slog.New(slog.DiscardHandler)}
}

func (i *instance) look(t *testing.T) {
	t.Helper()
	if err := i.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go by for instances that look in turn.
func pass(t *testing.T, d time.Duration, instances ...*instance) {
	t.Helper()
	for _, i := range instances {
		i.pass(d)
	}
	for range 2 { // the second look of one sees what the last one did
		for _, i := range instances {
			i.look(t)
		}
	}
}

func (i *instance) sign(t *testing.T) string {
	t.Helper()
	token, err := i.Sign(authn.Identity{
		Caller: authn.Caller{User: ids.New[ids.User](), Session: ids.New[ids.Session]()}, ExpiresAt: time.Now().Add(time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (i *instance) verifies(t *testing.T, token string) bool {
	t.Helper()
	_, err := authn.NewVerifier(func(context.Context) ([]byte, error) { return i.JWKS(), nil }).Verify(t.Context(), token)
	if err != nil && fault.CodeOf(err) != fault.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}

// kid is the id of the key that a token is signed with.
func kid(t *testing.T, token string) string {
	t.Helper()
	var header struct{ Kid string }
	head, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	if err = errors.Join(err, json.Unmarshal(raw, &header)); err != nil || header.Kid == "" {
		t.Fatalf("header %s: %v", raw, err)
	}
	return header.Kid
}

func (i *instance) stored(t *testing.T) []store.SigningKey {
	t.Helper()
	all, err := i.store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestInstancesThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	path, key := filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0)
	instances := make([]*instance, 8)
	var group errgroup.Group
	for i := range instances {
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		instances[i] = &instance{clock: &clock{}, store: s}
		group.Go(func() (err error) {
			instances[i].Ring, err = keys.Load(t.Context(), config(s, key, instances[i].clock))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	// What any of them signs, the keys of any other verify; also those of one that starts later.
	later := start(t, path, key)
	for _, signer := range instances {
		if !later.verifies(t, signer.sign(t)) {
			t.Error("keys differ")
		}
	}
	// A month later all of them see at once that a new one is due.
	for _, i := range instances {
		i.pass(rotation)
		group.Go(func() error { return i.Look(t.Context()) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if all := later.stored(t); len(all) != 2 || !all[0].SignsFrom.IsZero() {
		t.Errorf("%+v, want one new key that does not sign yet", all)
	}
}

func TestRotationIsNotNoticed(t *testing.T) {
	t.Parallel()
	path, key := filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0)
	a := start(t, path, key)
	b := start(t, path, key)
	first := kid(t, a.sign(t))

	pass(t, rotation, a, b)
	published := a.stored(t)
	if len(published) != 2 {
		t.Fatalf("%d keys after a month, want 2", len(published))
	}
	next := published[0].KeyID
	for name, i := range map[string]*instance{"a": a, "b": b} {
		if got := kid(t, i.sign(t)); got != first {
			t.Errorf("%s signs with the key that was just published", name)
		}
		if !bytes.Contains(i.JWKS(), []byte(next)) {
			t.Errorf("%s does not publish the new key", name)
		}
	}
	old := a.sign(t)

	b.pass(settled)
	b.look(t) // b takes the step; a does not know of it yet
	if !a.verifies(t, b.sign(t)) || !b.verifies(t, a.sign(t)) || kid(t, b.sign(t)) != next {
		t.Error("one instance does not know the key of the other")
	}
	pass(t, settled, a, b)
	if kid(t, a.sign(t)) != next || !a.verifies(t, old) || !b.verifies(t, old) {
		t.Error("after the rotation")
	}
	pass(t, day+2*time.Hour, a, b)
	if all := a.stored(t); len(all) != 1 || all[0].KeyID != next || a.verifies(t, old) {
		t.Errorf("a day later there are %d keys, want only the new one", len(all))
	}
}

// Tokens are good for as long as they live, whatever the clocks of the instances do.
func TestNobodyIsLoggedOut(t *testing.T) {
	t.Parallel()
	const ttl, leeway = 10 * time.Minute, 30 * time.Second
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	path, key := filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0)
	instances := []*instance{start(t, path, key), start(t, path, key), start(t, path, key)}
	type token struct {
		kid string
		end time.Duration
	}
	var alive []token
	signedWith := map[string]bool{}
	jumps := []time.Duration{time.Minute, time.Hour, 26 * time.Hour, 40 * day, 400 * day}
	steps := 600
	if os.Getenv("NATTER_TEST_HEAVY") != "" {
		steps = 20_000
	}
	for step := range steps {
		if step == 100 { // whatever the clocks do, there is at least one rotation
			if err := keys.Publish(t.Context(), instances[0].store, key, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		for n, i := range instances {
			i.pass(lookTime)
			switch random.IntN(500) {
			case 0:
				i.jump(jumps[random.IntN(len(jumps))])
			case 1:
				i.jump(-jumps[random.IntN(len(jumps))])
			case 2:
				if step%10 == 0 { // seldom: it takes as long as a hundred looks
					instances[n] = start(t, path, key, i) // with a clock that is right
				}
			case 3:
				i.jump(-i.jumped)
			default:
				i.look(t)
			}
		}
		i := instances[random.IntN(len(instances))]
		id := kid(t, i.sign(t))
		signedWith[id] = true
		alive = append(alive, token{id, i.elapsed + ttl + leeway})
		known := i.stored(t)
		alive = slices.DeleteFunc(alive, func(token token) bool { return token.end < i.elapsed })
		for _, token := range alive {
			if !slices.ContainsFunc(known, func(k store.SigningKey) bool { return k.KeyID == token.kid }) {
				t.Fatalf("seed %d: after %v the key of a token that ends after %v is gone", seed, i.elapsed, token.end)
			}
		}
	}
	if len(signedWith) < 2 {
		t.Errorf("seed %d: no rotation in all that time", seed)
	}
}

func TestClockJumpsWithoutAReason(t *testing.T) {
	t.Parallel()
	a := start(t, filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0))
	a.pass(settled)
	a.jump(rotation)
	a.look(t) // the next is published, early
	token := a.sign(t)
	a.jump(3000 * day)
	pass(t, 14*time.Minute, a)
	if all := a.stored(t); len(all) != 2 || kid(t, a.sign(t)) != kid(t, token) {
		t.Errorf("%d keys; a new one signs before it was known for a quarter of an hour", len(all))
	}
	a.jump(-3000 * day)
	pass(t, settled, a)
	a.jump(3000 * day)
	pass(t, 14*time.Minute, a)
	if !a.verifies(t, token) {
		t.Error("the key of a valid token is gone")
	}
}

func TestSecretIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.db")
	b := start(t, path, newSecret(t, 1, 0))
	token := b.sign(t)
	a := start(t, path, newSecret(t, 2, 1)) // restarted first
	if !a.verifies(t, token) || kid(t, a.sign(t)) != kid(t, token) {
		t.Error("another key")
	}
	c := start(t, path, newSecret(t, 2, 0)) // the old one is not needed any more
	if kid(t, c.sign(t)) != kid(t, token) {
		t.Error("another key")
	}
	// Meanwhile, one that was not restarted yet goes on, also when a key comes that it cannot read.
	b.look(t)
	b.sign(t)
	a.pass(rotation)
	a.look(t)
	b.look(t)
	if !b.verifies(t, a.sign(t)) || !a.verifies(t, b.sign(t)) {
		t.Error("keys differ")
	}
	a.pass(settled)
	a.look(t)
	if err := b.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY") {
		t.Errorf("a key that cannot be read: %v", err)
	}
	if kid(t, b.sign(t)) != kid(t, token) || kid(t, a.sign(t)) == kid(t, token) || !b.verifies(t, a.sign(t)) || !a.verifies(t, b.sign(t)) {
		t.Error("the one with the old secret does not go on with the old key")
	}
}

func TestLoadNeedsTheSecretOfTheKeys(t *testing.T) {
	t.Parallel()
	i := start(t, filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0))
	for _, key := range []secret.Key{newSecret(t, 2, 0), newSecret(t, 2, 3)} {
		_, err := keys.Load(t.Context(), config(i.store, key, &clock{}))
		if err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY_OLD") || !strings.Contains(err.Error(), "natter keys revoke") {
			t.Errorf("with another secret: %v", err)
		}
	}
	// A row that someone put there under the name of another, or changed, is not signed with.
	if _, err := i.store.UpdateSigningKeys(t.Context(), func(all []store.SigningKey) []store.SigningKey {
		moved := all[0]
		moved.Generation, moved.KeyID = 2, "other"
		return append([]store.SigningKey{moved}, all...)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Load(t.Context(), config(i.store, newSecret(t, 1, 0), &clock{})); err == nil {
		t.Error("a sealed key passed under another id")
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	path, key := filepath.Join(t.TempDir(), "auth.db"), newSecret(t, 1, 0)
	a := start(t, path, key)
	before := a.sign(t)
	publish := func(key secret.Key) error { return keys.Publish(t.Context(), a.store, key, time.Now()) }
	if err := publish(newSecret(t, 2, 0)); err == nil || !strings.Contains(err.Error(), "NATTER_SECRET_KEY") {
		t.Errorf("publish with another secret: %v", err)
	}
	for range 2 { // the second finds it under way
		if err := publish(key); err != nil {
			t.Fatal(err)
		}
	}
	pass(t, lookTime, a)
	if all := a.stored(t); len(all) != 2 || kid(t, a.sign(t)) != kid(t, before) {
		t.Errorf("published: %+v", all)
	}
	pass(t, settled, a)
	rotated := a.sign(t)
	if kid(t, rotated) == kid(t, before) || !a.verifies(t, before) {
		t.Error("the rotation went wrong")
	}

	if other, err := keys.Revoke(t.Context(), a.store, key, time.Now()); err != nil || other {
		t.Fatal(other, err)
	}
	a.look(t)
	if a.verifies(t, before) || a.verifies(t, rotated) || !a.verifies(t, a.sign(t)) {
		t.Error("a revoked key is good, or the new one is not")
	}

	// The secret is lost.
	lost := newSecret(t, 9, 0)
	if other, err := keys.Revoke(t.Context(), a.store, lost, time.Now()); err != nil || !other {
		t.Fatal(other, err)
	}
	if err := a.Look(t.Context()); err == nil {
		t.Error("the old secret reads the new key")
	}
	if token, err := a.Sign(authn.Identity{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("with the old secret: %q, %v", token, err)
	}
	b := start(t, path, lost)
	if !b.verifies(t, b.sign(t)) || len(b.stored(t)) != 1 {
		t.Error("with the new secret")
	}
}

func TestRunLooksEveryFewSeconds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.db")
	synctest.Test(t, func(t *testing.T) {
		key := newSecret(t, 1, 0)
		i := start(t, path, key)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { i.Run(ctx) })
		before := kid(t, i.sign(t))
		if _, err := keys.Revoke(t.Context(), i.store, key, time.Now()); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookTime + time.Second)
		synctest.Wait()
		if kid(t, i.sign(t)) == before {
			t.Error("still signs with a revoked key")
		}
		cancel()
		running.Wait()
	})
}
