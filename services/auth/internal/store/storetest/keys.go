package storetest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

type signing = []store.SigningKey

func newKey(generation int64, kid string) store.SigningKey {
	return store.SigningKey{
		Generation: generation, KeyID: kid, Public: []byte{0, 1, 0xff}, Sealed: bytes.Repeat([]byte{0xfe}, 100),
		CreatedAt: time.UnixMilli(1_763_800_000_456).UTC(),
	}
}

func signingKeys(t *testing.T, s, other store.Store) {
	if keys, err := s.SigningKeys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("at first: %+v, %v", keys, err)
	}
	first, second := newKey(1, "a"), newKey(2, "b")
	first.SignsFrom = time.UnixMilli(1_763_800_000_789).UTC()
	active := second
	active.SignsFrom, active.Sealed = first.SignsFrom.Add(time.Hour), []byte("anew")
	before := signing{}
	for _, step := range []struct {
		name string
		want signing
	}{
		{"the first", signing{first}},
		{"one more", signing{second, first}},
		{"nothing", signing{second, first}},
		{"another start and seal", signing{active, first}},
		{"one less", signing{active}},
		{"another of its generation", signing{newKey(2, "c")}},
	} {
		var seen signing
		got, err := s.UpdateSigningKeys(t.Context(), func(keys []store.SigningKey) []store.SigningKey {
			seen = slices.Clone(keys)
			return step.want
		})
		if err != nil || !reflect.DeepEqual(got, step.want) || len(seen)+len(before) > 0 && !reflect.DeepEqual(seen, before) {
			t.Errorf("%s: saw %+v, returned %+v, %v\nwant %+v and %+v", step.name, seen, got, err, before, step.want)
		}
		if got, err := other.SigningKeys(t.Context()); err != nil || !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s: read %+v, %v\nwant %+v", step.name, got, err, step.want)
		}
		before = step.want
	}
	// All or nothing.
	_, err := s.UpdateSigningKeys(t.Context(), func(signing) signing { return signing{newKey(3, "d"), newKey(3, "e")} })
	if got, readErr := other.SigningKeys(t.Context()); fault.CodeOf(err) != fault.AlreadyExists || readErr != nil || !reflect.DeepEqual(got, before) {
		t.Errorf("two of a generation: %v; then %+v, %v", err, got, readErr)
	}
}

// Of changes at the same time each sees the one before: here each adds a generation.
func keyChangesTakeTurns(t *testing.T, a, b store.Store) {
	const changes = 16
	var all sync.WaitGroup
	for i := range changes {
		s := []store.Store{a, b}[i%2]
		all.Go(func() {
			_, err := s.UpdateSigningKeys(t.Context(), func(keys []store.SigningKey) []store.SigningKey {
				return append(signing{newKey(int64(len(keys))+1, fmt.Sprintf("key%d", i))}, keys...)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := a.SigningKeys(t.Context())
	if err != nil || len(got) != changes {
		t.Fatalf("%d keys, %v; want %d", len(got), err, changes)
	}
	for i, k := range got {
		if k.Generation != int64(changes-i) {
			t.Errorf("place %d: generation %d", i, k.Generation)
		}
	}
}
