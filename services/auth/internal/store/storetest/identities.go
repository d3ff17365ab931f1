package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

func newIdentity(user ids.User, subject string) store.Identity {
	return store.Identity{
		ID: ids.New[ids.Identity](), User: user, Issuer: "https://accounts.example.org", Subject: subject,
		Email: subject + "@Example.org", CreatedAt: time.UnixMilli(1_763_800_000_321).UTC(),
	}
}

func mustLink(t *testing.T, s store.Store, i store.Identity) store.Identity {
	t.Helper()
	if err := s.AddIdentity(t.Context(), i, ids.Session{}); err != nil {
		t.Fatal(err)
	}
	return i
}

func identities(t *testing.T, s, other store.Store) {
	ann, bob := mustCreate(t, s, newUser("Ann")), mustCreate(t, s, newUser("Bob"))
	first, second := mustLink(t, s, newIdentity(ann.ID, "ann")), mustLink(t, other, newIdentity(ann.ID, "ann'2"))
	elsewhere := newIdentity(bob.ID, "ann")
	elsewhere.Issuer = "https://other.example.org" // the same subject of another provider is somebody else
	mustLink(t, s, elsewhere)

	if got, err := other.IdentityBySubject(t.Context(), first.Issuer, "ann"); err != nil || got != first {
		t.Errorf("%+v, %v; want %+v", got, err, first)
	}
	if got, err := other.IdentitiesOf(t.Context(), ann.ID); err != nil || !reflect.DeepEqual(got, []store.Identity{first, second}) {
		t.Errorf("of a user: %+v, %v", got, err)
	}
	for _, subject := range []string{"Ann", "ann ", "", "%"} {
		if got, err := s.IdentityBySubject(t.Context(), first.Issuer, subject); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%q: %+v, %v", subject, got, err)
		}
	}
	for _, user := range []ids.User{ann.ID, bob.ID} {
		if err := s.AddIdentity(t.Context(), newIdentity(user, "ann"), ids.Session{}); !errors.Is(err, store.ErrIdentityTaken) {
			t.Errorf("link again: %v", err)
		}
	}
	if err := s.AddIdentity(t.Context(), newIdentity(ids.New[ids.User](), "new"), ids.Session{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("link to nobody: %v", err)
	}
}

func oneOfManyGetsTheIdentity(t *testing.T, a, b store.Store) {
	users := make([]ids.User, 8)
	for i := range users {
		users[i] = mustCreate(t, a, newUser(fmt.Sprintf("user%d", i))).ID
	}
	race(t, len(users), []store.Store{a, b}, func(s store.Store, i int) error {
		return s.AddIdentity(t.Context(), newIdentity(users[i], "same"), ids.Session{})
	})
}

func removeIdentity(t *testing.T, s, other store.Store) {
	ann, bob := mustCreate(t, s, newUser("Ann")), newUser("Bob")
	bob.PasswordHash = ""
	mustCreate(t, s, bob)
	only := mustLink(t, s, newIdentity(ann.ID, "ann"))
	first, second := mustLink(t, s, newIdentity(bob.ID, "bob")), mustLink(t, s, newIdentity(bob.ID, "bob2"))
	for _, step := range []struct {
		name string
		user ids.User
		id   ids.Identity
		want error
	}{
		{"of somebody else", ann.ID, first.ID, fault.New(fault.NotFound, "")},
		{"one of two", bob.ID, first.ID, nil},
		{"again", bob.ID, first.ID, fault.New(fault.NotFound, "")},
		{"the last way in", bob.ID, second.ID, store.ErrLastWayIn},
		{"the only one, but there is a password", ann.ID, only.ID, nil},
	} {
		if err := s.RemoveIdentity(t.Context(), step.user, step.id); fault.CodeOf(err) != fault.CodeOf(step.want) {
			t.Errorf("%s: %v, want %v", step.name, err, step.want)
		}
	}
	if got, err := other.IdentitiesOf(t.Context(), bob.ID); err != nil || !reflect.DeepEqual(got, []store.Identity{second}) {
		t.Errorf("the last one: %+v, %v; want %+v", got, err, second)
	}
}

// Two who each remove what the other would leave must not lock the user out.
func oneWayInIsLeft(t *testing.T, a, b store.Store) {
	bob := newUser("Bob")
	bob.PasswordHash = ""
	mustCreate(t, a, bob)
	var all []store.Identity
	for i := range 8 {
		all = append(all, mustLink(t, a, newIdentity(bob.ID, fmt.Sprintf("bob%d", i))))
	}
	removed := make(chan error, len(all))
	for i, identity := range all {
		go func() { removed <- []store.Store{a, b}[i%2].RemoveIdentity(t.Context(), bob.ID, identity.ID) }()
	}
	refused := 0
	for range all {
		if err := <-removed; errors.Is(err, store.ErrLastWayIn) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if left, err := a.IdentitiesOf(t.Context(), bob.ID); err != nil || len(left) != 1 || refused != 1 {
		t.Errorf("%d left, %d refused, %v; want 1 and 1", len(left), refused, err)
	}
}

// Who comes back after their account was deleted is somebody new.
func erasedIdentities(t *testing.T, s, other store.Store) {
	ann := mustCreate(t, s, newUser("Ann"))
	identity := mustLink(t, s, newIdentity(ann.ID, "ann"))
	if _, err := s.EraseUser(t.Context(), ann.ID, now); err != nil {
		t.Fatal(err)
	}
	if got, err := other.IdentityBySubject(t.Context(), identity.Issuer, "ann"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%+v, %v", got, err)
	}
}

func useOnce(t *testing.T, a, b store.Store) {
	now := time.UnixMilli(1_763_800_000_000).UTC()
	race(t, 16, []store.Store{a, b}, func(s store.Store, _ int) error {
		return s.UseOnce(t.Context(), "state", now.Add(time.Minute), now)
	})
	for _, step := range []struct {
		id    string
		after time.Duration
		want  fault.Code
	}{{"other", 0, ""}, {"state", time.Minute, fault.AlreadyExists}, {"state", time.Minute + time.Millisecond, ""}} {
		at := now.Add(step.after)
		if err := b.UseOnce(t.Context(), step.id, at.Add(time.Minute), at); fault.CodeOf(err) != step.want {
			t.Errorf("%s after %v: %v, want %q", step.id, step.after, err, step.want)
		}
	}
}
