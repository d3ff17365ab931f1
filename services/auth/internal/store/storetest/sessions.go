package storetest

import (
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/refresh"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// sessionTime is the present in tests of sessions.
var sessionTime = time.UnixMilli(1_763_800_000_123).UTC()

// newSession is a live session, seen last at sessionTime, and its first refresh token.
func newSession(user ids.User) (store.Session, refresh.Token) {
	id := ids.New[ids.Session]()
	token := refresh.New(id)
	return store.Session{
		ID: id, User: user, Method: "password", Client: authn.Client{Address: "2001:db8::1", UserAgent: "Mozilla/5.0 (小林; '\")"},
		CreatedAt: sessionTime, LastSeen: sessionTime, ExpiresAt: sessionTime.Add(time.Hour), Chain: refresh.Begin(token),
	}, token
}

// proof is that of every user of newOwner.
var proof = store.Proof{PasswordHash: "$argon2id$owner"}

// newOwner is a user to add sessions of.
func newOwner(t *testing.T, s store.Store) ids.User {
	t.Helper()
	u := newUser(rand.Text())
	u.PasswordHash = proof.PasswordHash
	return mustCreate(t, s, u).ID
}

func mustAddSession(t *testing.T, s store.Store, user ids.User, change func(*store.Session)) store.Session {
	t.Helper()
	n, _ := newSession(user)
	if change != nil {
		change(&n)
	}
	if ended, err := s.AddSession(t.Context(), n, proof, 100); err != nil || len(ended) != 0 {
		t.Fatal(ended, err)
	}
	return n
}

// live are the ids of a user's live sessions.
func live(t *testing.T, s store.Store, user ids.User) (list []ids.Session) {
	t.Helper()
	all, err := s.LiveSessions(t.Context(), user, sessionTime)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		list = append(list, one.ID)
	}
	return list
}

func sessionRoundTrip(t *testing.T, s, other store.Store) {
	user := newOwner(t, s)
	want, token := newSession(user)
	if _, err := s.AddSession(t.Context(), want, proof, 1); err != nil {
		t.Fatal(err)
	}
	read := func() store.Session {
		all, err := other.LiveSessions(t.Context(), user, sessionTime)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		if len(all[0].Chain.Recent) == 0 {
			all[0].Chain.Recent = nil
		}
		return all[0]
	}
	if got := read(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	err := s.ChangeSession(t.Context(), want.ID, func(is *store.Session) error {
		is.Client, is.LastSeen, is.ExpiresAt = authn.Client{}, sessionTime.Add(time.Minute), sessionTime.Add(2*time.Hour)
		_, err := is.Chain.Use(token, sessionTime)
		want = *is
		return err
	})
	if got := read(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\nwant %+v", err, got, want)
	}
	refused := errors.New("no")
	err = s.ChangeSession(t.Context(), want.ID, func(is *store.Session) error { is.Client.Address = "x"; return refused })
	if got := read(); !errors.Is(err, refused) || !reflect.DeepEqual(got, want) {
		t.Errorf("a change that failed: %v\n%+v\nwant %+v", err, got, want)
	}
	err = s.ChangeSession(t.Context(), ids.New[ids.Session](), func(*store.Session) error { t.Error("called"); return nil })
	if fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an unknown session: %v", err)
	}
}

func sessionsAreBounded(t *testing.T, s, _ store.Store) {
	user, another := newOwner(t, s), newOwner(t, s)
	mustAddSession(t, s, another, nil)
	var all []ids.Session
	for i := range 5 {
		n, _ := newSession(user)
		n.LastSeen = sessionTime.Add(time.Duration(i) * time.Minute)
		ended, err := s.AddSession(t.Context(), n, proof, 3)
		all = append(all, n.ID)
		var want []ids.Session
		if i >= 3 {
			want = all[i-3 : i-2]
		}
		if err != nil || !slices.Equal(ended, want) {
			t.Errorf("session %d ended %v, %v; want %v", i, ended, err, want)
		}
	}
	slices.Reverse(all)
	if got := live(t, s, user); !slices.Equal(got, all[:3]) {
		t.Errorf("left %v, want %v", got, all[:3])
	}
	// The new one stays, however long the others have been seen.
	old, _ := newSession(user)
	old.LastSeen = sessionTime.Add(-time.Hour)
	if _, err := s.AddSession(t.Context(), old, proof, 1); err != nil || !slices.Equal(live(t, s, user), []ids.Session{old.ID}) {
		t.Errorf("left %v, %v; want %v", live(t, s, user), err, old.ID)
	}
	if len(live(t, s, another)) != 1 {
		t.Error("another user's session ended")
	}
}

func revokeSessions(t *testing.T, s, other store.Store) {
	user, another := newOwner(t, s), newOwner(t, s)
	theirs := mustAddSession(t, s, another, nil)
	expired := mustAddSession(t, s, user, func(n *store.Session) { n.ExpiresAt = sessionTime })
	var mine []ids.Session
	for range 3 {
		mine = append(mine, mustAddSession(t, s, user, nil).ID)
	}
	for name, id := range map[string]ids.Session{"another's": theirs.ID, "expired": expired.ID, "unknown": ids.New[ids.Session]()} {
		if err := s.RevokeSession(t.Context(), user, id, sessionTime); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.RevokeSession(t.Context(), user, mine[0], sessionTime); err != nil {
		t.Error(err)
	}
	if err := other.RevokeSession(t.Context(), user, mine[0], sessionTime); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("twice: %v", err)
	}
	if ended, err := s.RevokeSessions(t.Context(), user, mine[1], sessionTime); err != nil || !slices.Equal(ended, mine[2:]) {
		t.Errorf("all but one: %v, %v; want %v", ended, err, mine[2:])
	}
	if got := live(t, other, user); !slices.Equal(got, mine[1:2]) {
		t.Errorf("live: %v, want %v", got, mine[1:2])
	}
	if ended, err := s.RevokeSessions(t.Context(), user, ids.Session{}, sessionTime); err != nil || !slices.Equal(ended, mine[1:2]) {
		t.Errorf("all: %v, %v; want %v", ended, err, mine[1:2])
	}
	if ended, err := s.RevokeSessions(t.Context(), user, ids.Session{}, sessionTime); err != nil || len(ended) != 0 {
		t.Errorf("all, again: %v, %v", ended, err)
	}
	if len(live(t, s, user)) != 0 || len(live(t, s, another)) != 1 {
		t.Error("the wrong sessions are live")
	}
}

func revokedSessionsArePaged(t *testing.T, s, other store.Store) {
	user := newOwner(t, s)
	mustAddSession(t, s, user, nil)
	var want []ids.Session
	for i := range 5 {
		n := mustAddSession(t, s, user, func(n *store.Session) { n.RevokedAt = sessionTime.Add(time.Duration(i) * time.Minute) })
		want = append(want, n.ID)
	}
	var got []ids.Session
	for after := (ids.Session{}); ; after = got[len(got)-1] {
		page, err := other.SessionsRevokedSince(t.Context(), sessionTime.Add(time.Minute), after, 3)
		if err != nil || len(page) > 3 {
			t.Fatal(page, err)
		}
		for _, n := range page {
			if n.User != user || n.RevokedAt.Before(sessionTime.Add(time.Minute)) {
				t.Errorf("%+v is not what was asked for", n)
			}
			got = append(got, n.ID)
		}
		if len(page) < 3 {
			break
		}
	}
	if !slices.Equal(got, want[1:]) {
		t.Errorf("%v, want %v", got, want[1:])
	}
}

func forgetSessions(t *testing.T, s, _ store.Store) {
	user := newOwner(t, s)
	for range 2 {
		mustAddSession(t, s, user, func(n *store.Session) { n.ExpiresAt = sessionTime })
		mustAddSession(t, s, user, func(n *store.Session) { n.RevokedAt = sessionTime })
	}
	both := mustAddSession(t, s, user, func(n *store.Session) { n.ExpiresAt, n.RevokedAt = sessionTime, sessionTime })
	kept := mustAddSession(t, s, user, nil)
	revoked := mustAddSession(t, s, user, func(n *store.Session) { n.RevokedAt = sessionTime.Add(time.Second) })
	total := 0
	for range 10 {
		n, err := s.ForgetSessions(t.Context(), sessionTime.Add(time.Millisecond), 2)
		if err != nil || n > 2 {
			t.Fatal(n, err)
		}
		total += n
	}
	if total != 5 {
		t.Errorf("%d forgotten, want 5, %v among them", total, both.ID)
	}
	list, err := s.SessionsRevokedSince(t.Context(), time.UnixMilli(0), ids.Session{}, 10)
	if err != nil || len(list) != 1 || list[0].ID != revoked.ID || !slices.Equal(live(t, s, user), []ids.Session{kept.ID}) {
		t.Errorf("left %+v, %v and %v", list, err, live(t, s, user))
	}
}

// oneSuccessorOfARefreshToken: whoever presents one token at the same time gets the same next one, from all instances.
func oneSuccessorOfARefreshToken(t *testing.T, a, b store.Store) {
	n, token := newSession(newOwner(t, a))
	if _, err := a.AddSession(t.Context(), n, proof, 1); err != nil {
		t.Fatal(err)
	}
	for range 3 { // generations
		var all sync.WaitGroup
		var next [16]refresh.Token
		start := make(chan struct{})
		for i := range next {
			all.Go(func() {
				<-start
				err := []store.Store{a, b}[i%2].ChangeSession(t.Context(), n.ID, func(is *store.Session) (err error) {
					next[i], err = is.Chain.Use(token, sessionTime)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		for _, other := range next {
			if other != next[0] || other == token {
				t.Fatalf("successors %v of %v", next, token)
			}
		}
		token = next[0]
	}
}

// revokeWhileRefreshing: a refresh never brings a revoked session back to life.
func revokeWhileRefreshing(t *testing.T, a, b store.Store) {
	user := newOwner(t, a)
	n, token := newSession(user)
	if _, err := a.AddSession(t.Context(), n, proof, 1); err != nil {
		t.Fatal(err)
	}
	refreshing, revoked := make(chan struct{}), make(chan error, 1)
	go func() {
		<-refreshing
		revoked <- b.RevokeSession(t.Context(), user, n.ID, sessionTime)
	}()
	err := a.ChangeSession(t.Context(), n.ID, func(is *store.Session) (err error) {
		close(refreshing) // the other waits, or comes first and makes this one fail
		token, err = is.Chain.Use(token, sessionTime)
		return err
	})
	if err := errors.Join(err, <-revoked); err != nil {
		t.Error(err)
	}
	if got := live(t, a, user); len(got) != 0 {
		t.Errorf("%v is live", got)
	}
}
