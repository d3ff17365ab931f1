package storetest

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// limit has 3 free attempts, and then waits of 1, 2, 4, 5, 5, … seconds.
func limit(key string) store.Limit {
	return store.Limit{Key: []byte(key), Free: 3, Wait: time.Second, Max: 5 * time.Second, Forget: time.Minute}
}

// attempts makes attempts on a clock of its own.
type attempts struct {
	t   *testing.T
	s   store.Store
	now time.Time
}

// try counts an attempt and fails unless it has to wait for so long.
func (c *attempts) try(what string, a store.Attempt, wait time.Duration) (known bool) {
	c.t.Helper()
	known, err := c.s.CountAttempt(c.t.Context(), c.now, a)
	c.wants(what, err, wait)
	return known
}

func (c *attempts) wants(what string, err error, wait time.Duration) {
	c.t.Helper()
	switch {
	case wait == 0 && err != nil:
		c.t.Errorf("%s: %v, want none", what, err)
	case wait != 0 && (fault.CodeOf(err) != fault.ResourceExhausted || fault.From(err).RetryAfter != wait):
		c.t.Errorf("%s: %v (after %v), want to wait %v", what, err, fault.From(err).RetryAfter, wait)
	}
}

func (c *attempts) forgive(a store.Attempt, knownUntil time.Time) {
	c.t.Helper()
	if err := c.s.ForgiveAttempt(c.t.Context(), a, knownUntil); err != nil {
		c.t.Error(err)
	}
}

func newAttempts(t *testing.T, s store.Store) *attempts {
	t.Helper()
	return &attempts{t, s, time.UnixMilli(1_763_800_000_000)}
}

func waitsDouble(t *testing.T, s, other store.Store) {
	c := newAttempts(t, s)
	a := store.Attempt{Own: limit("own")}
	for _, seconds := range []int{0, 0, 0, 1, 2, 4, 5, 5} {
		c.try("in time", a, 0)
		c.s, other = other, c.s // over both instances
		if seconds == 0 {
			continue
		}
		wait := time.Duration(seconds) * time.Second
		c.try("at once", a, wait)
		c.now = c.now.Add(wait - time.Millisecond)
		c.try("too early", a, time.Millisecond) // and was not counted
		c.now = c.now.Add(time.Millisecond)
	}
	c.now = c.now.Add(time.Minute)
	for range 4 {
		c.try("forgotten", a, 0)
	}
	busy := store.Attempt{Own: limit("busy")} // never a minute of silence, and yet it begins anew each minute
	for range 3 {
		for range 3 {
			c.try("free", busy, 0)
		}
		c.now = c.now.Add(30 * time.Second)
		c.try("half a minute later", busy, 0)
		c.now = c.now.Add(30 * time.Second)
	}
	c.now = c.now.Add(-time.Hour)
	c.try("a clock set back", a, 0)
	c.try("at once after that", a, 2*time.Second)
	b := store.Attempt{Own: limit("b")}
	c.try("first", b, 0)
	c.now = c.now.Add(-time.Second)
	c.try("by a clock that is behind", b, 0)
}

func sharedLimits(t *testing.T, s, _ store.Store) {
	c := newAttempts(t, s)
	own := func(key string) store.Attempt {
		return store.Attempt{Own: limit(key), Shared: []store.Limit{limit("address"), limit("account")}}
	}
	for _, key := range []string{"a", "b", "c", "d"} {
		c.try(key, own(key), 0)
	}
	c.try("a fifth", own("e"), time.Second)
	// It was counted nowhere.
	for range 3 {
		c.try("e alone", store.Attempt{Own: limit("e")}, 0)
	}
}

func forgivenAttempts(t *testing.T, s, _ store.Store) {
	c := newAttempts(t, s)
	a := store.Attempt{Own: limit("own"), Shared: []store.Limit{limit("shared")}}
	for range 10 {
		c.try("forgiven each time", a, 0)
		c.forgive(a, time.Time{})
	}
	// The wait that a shared limit has begun goes on; the next is as long as if the forgiven attempt had not been.
	other := store.Attempt{Shared: a.Shared}
	for range 4 {
		c.try("another's", other, 0)
	}
	c.forgive(other, time.Time{})
	c.try("after a forgiven fourth", other, time.Second)
	c.now = c.now.Add(time.Second)
	c.try("a fifth", other, 0)
	c.try("a sixth", other, time.Second)
	// One's own is.
	for range 4 {
		c.try("own", store.Attempt{Own: a.Own}, 0)
	}
	c.forgive(store.Attempt{Own: a.Own}, time.Time{})
	c.try("own, forgiven", store.Attempt{Own: a.Own}, 0)
	c.try("own, once more", store.Attempt{Own: a.Own}, time.Second)
}

func knownPass(t *testing.T, s, other store.Store) {
	c := newAttempts(t, s)
	home := store.Attempt{Own: limit("home"), Shared: []store.Limit{limit("account")}}
	stranger := store.Attempt{Own: limit("stranger"), Shared: []store.Limit{limit("account")}}
	if c.try("at first", home, 0) {
		t.Error("known before anything was")
	}
	until := c.now.Add(time.Hour)
	c.forgive(home, until)
	for range 4 {
		c.try("a stranger", store.Attempt{Shared: stranger.Shared}, 0)
	}
	c.try("a stranger, once more", stranger, time.Second)
	c.s = other
	for range 4 { // its own limit still counts
		if !c.try("home", home, 0) {
			t.Error("not known by the other instance")
		}
	}
	c.try("home, once more", home, time.Second)
	c.now = until
	if c.try("home, an hour later", home, 0) {
		t.Error("known for too long")
	}
}

func manyAttemptsAtOnce(t *testing.T, a, b store.Store) {
	now := time.UnixMilli(1_763_800_000_000)
	var passed atomic.Int32
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			// In both orders, so that transactions would wait for each other.
			one := store.Attempt{Shared: []store.Limit{limit("x"), limit("y")}}
			if i%3 == 0 {
				one.Shared[0], one.Shared[1] = one.Shared[1], one.Shared[0]
			}
			_, err := []store.Store{a, b}[i%2].CountAttempt(t.Context(), now, one)
			switch fault.CodeOf(err) {
			case "":
				passed.Add(1)
			case fault.ResourceExhausted:
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := passed.Load(); n != 4 { // the fourth begins the wait
		t.Errorf("%d of 60 passed at once, want 4", n)
	}
}

func forgetsAttempts(t *testing.T, s, _ store.Store) {
	c := newAttempts(t, s)
	for key := range strings.SplitSeq("abcde", "") {
		c.try(key, store.Attempt{Own: limit(key)}, 0)
	}
	known := store.Attempt{Own: limit("known")}
	c.try("known", known, 0)
	c.forgive(known, c.now.Add(time.Hour))
	for _, step := range []struct {
		after time.Duration
		limit int
		want  int
	}{{0, 10, 0}, {time.Minute, 10, 0}, {time.Millisecond, 3, 3}, {0, 10, 2}, {time.Hour, 10, 1}} {
		c.now = c.now.Add(step.after)
		if n, err := s.ForgetAttempts(t.Context(), c.now, step.limit); n != step.want || err != nil {
			t.Errorf("after another %v: %d forgotten, %v; want %d", step.after, n, err, step.want)
		}
	}
}
