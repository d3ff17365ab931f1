package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

func resealSecondFactors(t *testing.T, s, other store.Store) {
	want := map[ids.User]string{}
	for i := range 5 {
		u := mustCreate(t, s, newUser(fmt.Sprintf("user%d", i)))
		want[u.ID] = fmt.Sprintf("old-%d", i)
		if err := s.OfferSecondFactor(t.Context(), u.ID, ids.Session{}, []byte(want[u.ID])); err != nil {
			t.Fatal(err)
		}
	}
	var all []store.SealedSecondFactor
	var after ids.User
	for {
		page, err := other.SealedSecondFactors(t.Context(), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); len(page) < 2 {
			break
		}
		after = page[1].User
	}
	for _, f := range all {
		if want[f.User] != string(f.Sealed) {
			t.Errorf("%s: %s, want %s", f.User, f.Sealed, want[f.User])
		}
	}
	if len(all) != len(want) || !slices.IsSortedFunc(all, func(a, b store.SealedSecondFactor) int { return slices.Compare(a.User[:], b.User[:]) }) {
		t.Errorf("%d in pages, want %d in order: %v", len(all), len(want), all)
	}
	changed := store.SealedSecondFactor{User: all[0].User, Sealed: []byte("of a moment ago")}
	for i, before := range []store.SealedSecondFactor{changed, all[1]} {
		if err := s.ResealSecondFactor(t.Context(), before, []byte("new")); err != nil {
			t.Fatal(err)
		}
		got, err := other.SecondFactor(t.Context(), before.User)
		if want := []string{string(all[0].Sealed), "new"}[i]; err != nil || string(got.Sealed) != want {
			t.Errorf("%s, %v; want %s", got.Sealed, err, want)
		}
	}
}
