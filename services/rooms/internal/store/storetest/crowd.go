package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// crowdSize is how many members a room can have by default.
const crowdSize = 10_000

// crowd makes a room of that many, in the order they joined. Its log has everything.
func crowd(tb testing.TB, st store.Store) (ids.Room, []ids.User) {
	tb.Helper()
	everyone, id, at := users(crowdSize), ids.New[ids.Room](), time.Now().UTC().Truncate(time.Millisecond)
	owner := everyone[0]
	if _, err := st.Create(tb.Context(), room.Room{ID: id, Kind: role.Room, Creator: owner, CreatedAt: at}, room.Place(ref(owner))); err != nil {
		tb.Fatal(err)
	}
	for chunk := range slices.Chunk(everyone[1:], 100) {
		var steps []store.Step
		for _, user := range chunk {
			steps = append(steps, store.Step{By: store.By{Room: id, Actor: user, Target: user, At: at}, Decide: room.Place(ref(user))})
		}
		r, err := st.ChangeAll(tb.Context(), steps)
		if err == nil {
			err = st.Acked(tb.Context(), id, r.Version)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return id, everyone
}

// Crowd checks that the members of a large room are listed in pages, each once, and that all are in a snapshot. It takes a
// while.
func Crowd(t *testing.T, database func(testing.TB) Open) {
	t.Helper()
	s := newSuite(t, database)
	id, everyone := crowd(s, s.Store)
	var got []ids.User
	for after := (ids.User{}); ; {
		page, err := s.Members(s.Context(), id, after, 100)
		s.ok(err)
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			got = append(got, m.User)
		}
		after = got[len(got)-1]
	}
	if !slices.Equal(got, everyone) {
		s.Errorf("%d members in pages, want the %d in the order they joined", len(got), len(everyone))
	}
	snap, err := s.Snapshot(s.Context(), id, crowdSize, ids.User{}, crowdSize+1)
	s.ok(err)
	if len(snap.Members) != crowdSize || snap.Room.MemberCount != crowdSize {
		s.Errorf("%d in the snapshot, %d counted", len(snap.Members), snap.Room.MemberCount)
	}
}

// Benchmark measures what is done in a room of 10,000 members.
func Benchmark(b *testing.B, database func(testing.TB) Open) {
	b.Helper()
	st, err := database(b)(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	id, everyone := crowd(b, st)
	owner, middle := everyone[0], everyone[crowdSize/2]
	all := room.Limits{RoomsPerUser: crowdSize, MembersPerRoom: 2 * crowdSize}
	// change makes one and has it acknowledged, as a request and the log do.
	change := func(b *testing.B, actor, target ids.User, decide room.Decide) {
		b.Helper()
		by := store.By{Room: id, Actor: actor, Target: target, At: time.Now().UTC().Truncate(time.Millisecond)}
		r, err := st.Change(b.Context(), by, decide)
		if err == nil {
			err = st.Acked(b.Context(), id, r.Version)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Run("JoinAndLeave", func(b *testing.B) {
		user := ids.New[ids.User]()
		for b.Loop() {
			change(b, user, user, all.Join(ref(user)))
			change(b, user, user, room.Leave(ref(user)))
		}
	})
	b.Run("Role", func(b *testing.B) {
		roles := []role.Role{role.Admin, role.Member}
		for i := 0; b.Loop(); i++ {
			change(b, owner, middle, room.SetMember(ref(owner), ref(middle), room.MemberUpdate{Role: &roles[i%2]}))
		}
	})
	b.Run("Page", func(b *testing.B) {
		for b.Loop() {
			if page, err := st.Members(b.Context(), id, middle, 50); err != nil || len(page) != 50 {
				b.Fatal(len(page), err)
			}
		}
	})
	b.Run("Snapshot", func(b *testing.B) {
		for b.Loop() {
			if snap, err := st.Snapshot(b.Context(), id, 2*crowdSize, ids.User{}, crowdSize); err != nil || len(snap.Members) != crowdSize {
				b.Fatal(len(snap.Members), err)
			}
		}
	})
}
