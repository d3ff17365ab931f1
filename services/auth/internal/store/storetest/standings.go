package storetest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

func standings(t *testing.T, s, other store.Store) {
	ann, bob, cid := mustCreate(t, s, newUser("ann")), mustCreate(t, s, newUser("bob")), mustCreate(t, s, newUser("cid"))
	nobody := ids.New[ids.User]()
	at := time.UnixMilli(1_763_800_000_789).UTC()
	all := []ids.User{ann.ID, bob.ID, cid.ID, nobody}
	want := map[ids.User]store.Standing{}
	check := func(what string, now time.Time) {
		t.Helper()
		list, err := other.Standings(t.Context(), now, all)
		if err != nil {
			t.Fatal(err)
		}
		got := map[ids.User]store.Standing{}
		for _, is := range list {
			got[is.User] = is
		}
		if !maps.Equal(got, want) || len(list) != len(got) {
			t.Errorf("%s: %+v\nwant %+v", what, list, slices.Collect(maps.Values(want)))
		}
	}
	set := func(id ids.User, status store.Status) {
		t.Helper()
		if err := s.SetStatus(t.Context(), id, status); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(when map[ids.User]time.Time) {
		t.Helper()
		if err := s.RecordSeen(t.Context(), when); err != nil {
			t.Fatal(err)
		}
	}
	check("nobody said anything", at)

	lunch := store.Status{Text: "at lunch – “back soon”", Emoji: "🥪", DoNotDisturb: true, ExpiresAt: at.Add(time.Hour)}
	set(ann.ID, lunch)
	want[ann.ID] = store.Standing{User: ann.ID, Status: lunch}
	seen(map[ids.User]time.Time{ann.ID: at, bob.ID: at, nobody: at})
	want[ann.ID], want[bob.ID] = store.Standing{User: ann.ID, Status: lunch, LastSeen: at}, store.Standing{User: bob.ID, LastSeen: at}
	check("a status and two who were seen", at)

	seen(map[ids.User]time.Time{ann.ID: at.Add(-time.Minute), bob.ID: at.Add(time.Minute)})
	want[bob.ID] = store.Standing{User: bob.ID, LastSeen: at.Add(time.Minute)}
	check("being seen does not go back", at)

	want[ann.ID] = store.Standing{User: ann.ID, LastSeen: at}
	check("the status has expired", at.Add(time.Hour))

	set(ann.ID, store.Status{Text: "for good"})
	want[ann.ID] = store.Standing{User: ann.ID, Status: store.Status{Text: "for good"}, LastSeen: at}
	check("another status", at.Add(100*365*24*time.Hour))

	set(bob.ID, store.Status{})
	check("nothing is said any more", at)

	if _, err := s.EraseUser(t.Context(), ann.ID, at); err != nil {
		t.Fatal(err)
	}
	delete(want, ann.ID)
	check("an account was erased", at)
	if list, err := s.Standings(t.Context(), at, nil); err != nil || len(list) > 0 {
		t.Errorf("of nobody: %v, %v", list, err)
	}
}
