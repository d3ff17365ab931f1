package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

func newToken(of ids.User, name string) store.Token {
	return store.Token{
		ID: ids.New[ids.Session](), User: of, Hash: []byte("hash of " + name), Name: name, Scopes: "read write",
		CreatedAt: time.UnixMilli(1_763_800_000_123).UTC(),
	}
}

func tokens(t *testing.T, s, other store.Store) {
	ctx := t.Context()
	ann, bob := mustCreate(t, s, newUser("Ann")).ID, mustCreate(t, s, newUser("Bob")).ID
	never, later, bobs := newToken(ann, "never"), newToken(ann, "later"), newToken(bob, "Bob's")
	later.ExpiresAt = time.UnixMilli(1_763_900_000_456).UTC()
	for _, token := range []store.Token{never, later, bobs} {
		if err := s.AddToken(ctx, token, ids.Session{}, 10); err != nil {
			t.Fatal(err)
		}
		if got, err := other.TokenByHash(ctx, token.Hash); err != nil || !reflect.DeepEqual(got, token) {
			t.Errorf("by hash: %+v, %v\nwant %+v", got, err, token)
		}
		if got, err := other.TokenByID(ctx, token.ID); err != nil || !reflect.DeepEqual(got, token) {
			t.Errorf("by id: %+v, %v\nwant %+v", got, err, token)
		}
	}
	if got, err := other.TokensOf(ctx, ann); err != nil || !reflect.DeepEqual(got, []store.Token{later, never}) {
		t.Errorf("Ann's: %+v, %v", got, err)
	}
	for name, err := range map[string]error{
		"by an unknown hash": func() error { _, err := s.TokenByHash(ctx, []byte("none")); return err }(),
		"by an unknown id":   func() error { _, err := s.TokenByID(ctx, ids.New[ids.Session]()); return err }(),
		"delete none":        s.DeleteToken(ctx, ids.New[ids.Session]()),
		"of nobody":          s.AddToken(ctx, newToken(ids.New[ids.User](), "nobody's"), ids.Session{}, 10),
	} {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}

	used := time.UnixMilli(1_763_850_000_000).UTC()
	for _, step := range []struct{ used, since, want time.Time }{
		{used, used.Add(-time.Minute), used},
		{used.Add(time.Second), used.Add(-time.Minute), used}, // noted a moment ago
		{used.Add(time.Hour), used.Add(time.Minute), used.Add(time.Hour)},
	} {
		if err := s.TouchToken(ctx, bobs.ID, step.used, step.since); err != nil {
			t.Fatal(err)
		}
		if got, err := other.TokenByID(ctx, bobs.ID); err != nil || !got.LastUsedAt.Equal(step.want) {
			t.Errorf("used at %v, %v; want %v", got.LastUsedAt, err, step.want)
		}
	}

	if err := s.DeleteToken(ctx, bobs.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := other.TokenByHash(ctx, bobs.Hash); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a deleted one: %v", err)
	}
}

// A token is good until it expires, and while its user, or the owner of its bot, is active.
func goodTokens(t *testing.T, s, other store.Store) {
	ctx, at := t.Context(), time.UnixMilli(1_763_850_000_000).UTC()
	ann, bob := mustCreate(t, s, newUser("Ann")).ID, mustCreate(t, s, newUser("Bob")).ID
	bot := newBot(ann, "bot")
	if err := s.AddBot(ctx, bot, 1); err != nil {
		t.Fatal(err)
	}
	never, expired, botsOwn, bobs := newToken(ann, "never"), newToken(ann, "expired"), newToken(bot.ID, "bot's"), newToken(bob, "Bob's")
	expired.ExpiresAt = at
	var all []ids.Session
	for _, token := range []store.Token{never, expired, botsOwn, bobs} {
		if err := s.AddToken(ctx, token, ids.Session{}, 10); err != nil {
			t.Fatal(err)
		}
		all = append(all, token.ID)
	}
	deactivate := func(id ids.User) {
		t.Helper()
		if _, err := s.UpdateUser(ctx, id, func(u *user.User) error { u.State = user.Deactivated; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	good := func(when string, now time.Time, want ...ids.Session) {
		t.Helper()
		got, err := other.GoodTokens(ctx, append(all, ids.New[ids.Session]()), now)
		slices.SortFunc(got, func(a, b ids.Session) int { return strings.Compare(a.String(), b.String()) })
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", when, got, err, want)
		}
	}
	good("before the expiry", at.Add(-time.Millisecond), all...)
	good("after it", at, never.ID, botsOwn.ID, bobs.ID)
	deactivate(ann)
	good("once the bot's owner is closed", at, bobs.ID)
	if err := s.DeleteToken(ctx, bobs.ID); err != nil {
		t.Fatal(err)
	}
	good("deleted", at)
	if got, err := other.GoodTokens(ctx, nil, at); err != nil || len(got) != 0 {
		t.Errorf("of none: %v, %v", got, err)
	}
}

// atMost: of many added at once over two instances, as many as may be are.
func tokensAtMost(t *testing.T, a, b store.Store) {
	ann := mustCreate(t, a, newUser("Ann")).ID
	for what, add := range map[string]func(s store.Store, i int) error{
		"tokens": func(s store.Store, i int) error {
			return s.AddToken(t.Context(), newToken(ann, fmt.Sprint(i)), ids.Session{}, 5)
		},
		"bots": func(s store.Store, i int) error {
			return s.AddBot(t.Context(), newBot(ann, fmt.Sprintf("bot-%d", i)), 5)
		},
	} {
		var added atomic.Int32
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				switch err := add([]store.Store{a, b}[i%2], i); fault.CodeOf(err) {
				case "":
					added.Add(1)
				case fault.ResourceExhausted:
				default:
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		all.Wait()
		if n := added.Load(); n != 5 {
			t.Errorf("%d %s of at most 5", n, what)
		}
	}
}

func newBot(owner ids.User, name string) user.User {
	return user.NewBot(owner, user.Name{Text: name, Key: name}, "", time.UnixMilli(1_763_800_000_123).UTC())
}

func bots(t *testing.T, s, other store.Store) {
	ctx := t.Context()
	ann, bob := mustCreate(t, s, newUser("Ann")).ID, mustCreate(t, s, newUser("Bob")).ID
	first, second := newBot(ann, "first"), newBot(ann, "second")
	for _, b := range []user.User{first, second, newBot(bob, "bobs")} {
		if err := s.AddBot(ctx, b, 2); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := other.UserByID(ctx, first.ID); err != nil || got != first || !got.IsBot() {
		t.Errorf("%+v, %v; want %+v", got, err, first)
	}
	if got, err := other.BotsOf(ctx, ann); err != nil || !slices.Equal(got, []user.User{first, second}) {
		t.Errorf("Ann's bots: %+v, %v", got, err)
	}
	if err := s.AddBot(ctx, newBot(ann, "third"), 2); fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("one too many: %v", err)
	}
	if err := s.AddBot(ctx, newBot(ann, "ann"), 3); fault.CodeOf(err) != fault.AlreadyExists || fault.From(err).Field != "username" {
		t.Errorf("with a person's name: %v", err)
	}
	if err := s.AddBot(ctx, newBot(ids.New[ids.User](), "nobodys"), 3); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("of nobody: %v", err)
	}
	if err := s.AddToken(ctx, newToken(first.ID, "its"), ids.Session{}, 3); err != nil {
		t.Error(err)
	}
	if _, err := s.EraseUser(ctx, first.ID, now); err != nil {
		t.Fatal(err)
	}
	if got, err := other.BotsOf(ctx, ann); err != nil || !slices.Equal(got, []user.User{second}) {
		t.Errorf("after one is deleted: %+v, %v", got, err)
	}
	if got, err := other.TokensOf(ctx, first.ID); err != nil || len(got) != 0 {
		t.Errorf("tokens of a deleted bot: %+v, %v", got, err)
	}
}
