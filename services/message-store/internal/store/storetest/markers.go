package storetest

import (
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// moving is a store of which a test moves markers.
type moving struct {
	*testing.T
	s    Store
	step int
}

// move makes a move and checks where the marker is after it; nil: it must not move.
func (m *moving) move(mv store.Move, want *store.Marker) {
	m.Helper()
	m.step++
	var moved []store.Moved
	if want != nil {
		moved = []store.Moved{{Reader: mv.Reader, Kind: mv.Kind, Marker: *want}}
	}
	if got := must(m.s.MoveMarkers(m.Context(), []store.Move{mv}))(m.T); !reflect.DeepEqual(got, moved) {
		m.Errorf("step %d: moved %+v, want %+v", m.step, got, moved)
	}
	if got := must(m.s.Markers(m.Context(), []store.Reader{mv.Reader}))(m.T); want != nil && got[mv.Reader] != *want {
		m.Errorf("step %d: stored %+v, want %+v", m.step, got, *want)
	}
}

// seen is a marker that only ever moved forward.
func seen(seq, ordinal uint32) *store.Marker {
	return &store.Marker{Seq: seq, Ordinal: ordinal, Seen: seq, Delivered: seq}
}

func testMarkers(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	m := w.Post(0, "1")
	w.React(1, m, "👍", false)
	w.Post(0, "2")
	w.Post(0, "3")
	w.Store(t, s)
	other.Post(0, "1")
	other.Store(t, s)
	me, you := store.Reader{User: w.Users[0], Room: w.Room}, store.Reader{User: w.Users[1], Room: w.Room}
	mine := store.Reader{User: w.Users[0], Room: other.Room}
	empty := store.Reader{User: w.Users[0], Room: ids.New[ids.Room]()}
	for i, tt := range []struct {
		moves []store.Move
		moved []store.Moved
	}{
		{
			[]store.Move{{Reader: me, Seq: 2}, {Reader: mine, Seq: 1}, {Reader: empty, Seq: 5}},
			[]store.Moved{{Reader: me, Marker: *seen(2, 1)}, {Reader: mine, Marker: *seen(1, 1)}},
		},
		{[]store.Move{{Reader: me, Seq: 2}}, nil}, // again
		{[]store.Move{{Reader: me, Seq: 1}}, nil}, // back
		{[]store.Move{{Reader: you, Seq: 1}}, []store.Moved{{Reader: you, Marker: *seen(1, 1)}}},
		{[]store.Move{{Reader: me, Seq: 99}}, []store.Moved{{Reader: me, Marker: *seen(4, 3)}}}, // to the head
		{[]store.Move{{Reader: me, Seq: 0}}, nil},
		{nil, nil},
	} {
		if moved := must(s.MoveMarkers(t.Context(), tt.moves))(t); !reflect.DeepEqual(moved, tt.moved) {
			t.Errorf("step %d: moved %+v, want %+v", i, moved, tt.moved)
		}
	}
	got := must(s.Markers(t.Context(), []store.Reader{me, you, mine, {User: w.Users[1], Room: other.Room}, empty}))(t)
	if want := (map[store.Reader]store.Marker{me: *seen(4, 3), you: *seen(1, 1), mine: *seen(1, 1)}); !reflect.DeepEqual(got, want) {
		t.Errorf("markers %v, want %v", got, want)
	}
}

func testUnread(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	root := w.Post(0, "1")
	w.Post(1, "2, mine")
	w.Reply(1, root, 1, "3, mine, and in a thread")
	w.Post(0, "4")
	w.Post(1, "5, mine")
	w.React(1, root, "👍", false) // 6
	w.Store(t, s)
	me := store.Reader{User: w.Users[1], Room: w.Room}
	m := &moving{T: t, s: s}
	own := func(seq, ordinal uint32) store.Move {
		return store.Move{Reader: me, Kind: store.MoveOwn, Seq: seq, Ordinal: ordinal}
	}
	unread := func(seq uint32) store.Move { return store.Move{Reader: me, Kind: store.MoveUnread, Seq: seq} }
	read := func(seq, rev uint32) store.Move { return store.Move{Reader: me, Seq: seq, Rev: rev} }

	m.move(own(2, 2), seen(2, 2))
	m.move(own(5, 4), seen(5, 4))
	m.move(own(2, 2), nil) // late
	// From 2 on: of the four messages three are not unread, the first and the two of the user's own.
	m.move(unread(2), &store.Marker{Seq: 1, Ordinal: 3, Rev: 1, Held: 6, Seen: 5, Delivered: 5})
	m.move(own(5, 4), nil)  // gathered before
	m.move(read(6, 0), nil) // by a device that did not know
	m.move(read(3, 1), &store.Marker{Seq: 3, Ordinal: 3, Rev: 1, Held: 6, Seen: 5, Delivered: 5})
	m.move(read(4, 1), &store.Marker{Seq: 4, Ordinal: 4, Rev: 1, Held: 6, Seen: 5, Delivered: 5})
	m.move(unread(1), &store.Marker{Seq: 0, Ordinal: 2, Rev: 2, Held: 6, Seen: 5, Delivered: 5})
	m.move(read(6, 3), &store.Marker{Seq: 6, Ordinal: 4, Rev: 2, Held: 6, Seen: 6, Delivered: 6}) // a rev that is yet to come
	m.move(unread(7), nil)                                                                        // there is no such event
	m.move(unread(0), nil)
	m.move(unread(6), &store.Marker{Seq: 5, Ordinal: 4, Rev: 3, Held: 6, Seen: 6, Delivered: 6})
	w.Post(1, "7, mine")
	w.Store(t, s)
	m.move(own(7, 5), &store.Marker{Seq: 7, Ordinal: 5, Rev: 3, Held: 6, Seen: 7, Delivered: 7}) // after it

	// Who never read may mark unread, too.
	you := store.Reader{User: w.Users[2], Room: w.Room}
	m.move(store.Move{Reader: you, Kind: store.MoveUnread, Seq: 1}, &store.Marker{Rev: 1, Held: 7})
	m.move(store.Move{Reader: store.Reader{User: you.User, Room: ids.New[ids.Room]()}, Kind: store.MoveUnread, Seq: 1}, nil)
}

func testDelivered(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	for range 5 {
		w.Post(0, "x")
	}
	w.Store(t, s)
	me := store.Reader{User: w.Users[1], Room: w.Room}
	m := &moving{T: t, s: s}
	delivered := func(seq uint32) store.Move { return store.Move{Reader: me, Kind: store.MoveDelivered, Seq: seq} }
	m.move(delivered(3), &store.Marker{Delivered: 3})
	m.move(delivered(3), nil)
	m.move(delivered(1), nil)
	m.move(store.Move{Reader: me, Seq: 2}, &store.Marker{Seq: 2, Ordinal: 2, Seen: 2, Delivered: 3})
	m.move(store.Move{Reader: me, Seq: 4}, seen(4, 4)) // what is read was delivered
	m.move(delivered(4), nil)
	m.move(delivered(9), &store.Marker{Seq: 4, Ordinal: 4, Seen: 4, Delivered: 5}) // no further than the head
	m.move(delivered(10), nil)
	m.move(store.Move{Reader: store.Reader{User: me.User, Room: me.Room, Thread: 1}, Kind: store.MoveDelivered, Seq: 5}, nil)
}

// Who began a thread, answers in it, or is mentioned in it by name follows it, and has a marker in it.
func testFollowers(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	w.Users = append(w.Users, ids.New[ids.User](), ids.New[ids.User]())
	call := func(users ...int) (calls []store.Mention) {
		for _, user := range users {
			calls = append(calls, store.Mention{Kind: store.MentionUser, User: w.Users[user], Length: 1})
		}
		return append(calls, store.Mention{Kind: store.MentionRoom, Offset: 9, Length: 5})
	}
	root, other := w.Post(0, "root"), w.Post(4, "other")
	root.Mentions = call(1)
	alone := w.Post(0, "nobody answers")
	w.Edit(0, alone, "@you").Mentions = call(3)
	w.Store(t, s)
	following := func(user int, want ...uint32) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; { // MongoDB: behind the commit
			var got []uint32
			for _, at := range must(s.FollowedThreads(t.Context(), w.Users[user], store.ThreadAt{}, 10))(t) {
				got = append(got, at.Seq)
			}
			switch {
			case slices.Equal(got, want):
				return
			case time.Now().After(deadline):
				t.Fatalf("user %d follows %v, want %v", user, got, want)
			}
		}
	}
	following(0)
	following(1)
	first := w.Reply(2, root, 1, "1st")
	w.Store(t, s)
	following(0, root.Seq)
	following(1, root.Seq)
	following(2, root.Seq)
	following(3)
	w.Edit(2, first, "@3").Mentions = call(3)
	w.Store(t, s)
	following(3, root.Seq)
	w.Reply(3, other, 1, "x")
	w.Store(t, s)
	following(3, other.Seq, root.Seq) // that with the last reply first
	following(4, other.Seq)
	w.Edit(4, other, "@0").Mentions = call(0)
	w.Reply(2, root, 2, "2nd").Mentions = call(2)
	w.Store(t, s)
	following(0, root.Seq, other.Seq)
	page := must(s.FollowedThreads(t.Context(), w.Users[0], store.ThreadAt{}, 1))(t)
	if len(page) != 1 || page[0].Ref != (store.Ref{Room: w.Room, Seq: root.Seq}) || page[0].LastAt == 0 {
		t.Fatalf("first page %+v", page)
	}
	if rest := must(s.FollowedThreads(t.Context(), w.Users[0], page[0], 10))(t); len(rest) != 1 || rest[0].Seq != other.Seq {
		t.Errorf("second page %+v", rest)
	}

	// Reading counts replies; who does not follow has no marker to move; answering moves it, too.
	m := &moving{T: t, s: s}
	in := func(user int) store.Reader { return store.Reader{User: w.Users[user], Room: w.Room, Thread: root.Seq} }
	m.move(store.Move{Reader: in(4), Seq: 99}, nil)
	m.move(store.Move{Reader: in(0), Seq: root.Seq}, nil) // before the first reply
	m.move(store.Move{Reader: in(0), Seq: first.Seq + 1}, seen(first.Seq, 1))
	m.move(store.Move{Reader: in(0), Seq: 99}, seen(first.Seq+4, 2))
	m.move(store.Move{Reader: in(0), Kind: store.MoveUnread, Seq: first.Seq}, nil)
	m.move(store.Move{Reader: in(4), Kind: store.MoveOwn, Seq: first.Seq + 4, Ordinal: 2}, seen(first.Seq+4, 2))
	following(4, root.Seq, other.Seq)
}

// Moves of one marker at the same time, over two handles: none is lost, and what is told of the last is what is stored.
func testMoversRace(t *testing.T, engine Engine) {
	if !engine.Races {
		t.Skip("this database only stands in for one that can do this")
	}
	w := NewWriter()
	for range 40 {
		w.Post(1, "x")
	}
	stores := []Store{engine.Open(t), engine.Open(t)}
	w.Store(t, stores[0])
	me := store.Reader{User: w.Users[0], Room: w.Room}
	var wg sync.WaitGroup
	told := make(chan store.Moved, 100)
	for i := range uint32(40) {
		kind, seq := store.MoveRead, i+1
		if i%4 == 0 {
			kind = store.MoveUnread
		}
		wg.Go(func() {
			moved, err := stores[i%2].MoveMarkers(t.Context(), []store.Move{{Reader: me, Kind: kind, Seq: seq, Rev: 99}})
			if err != nil {
				t.Error(err)
			}
			for _, m := range moved {
				told <- m
			}
		})
	}
	wg.Wait()
	close(told)
	var last store.Marker
	for m := range told {
		if last.Before(m.Marker) {
			last = m.Marker
		}
	}
	got := must(stores[1].Markers(t.Context(), []store.Reader{me}))(t)[me]
	if got.Rev != 10 || got.Seq != last.Seq || got.Rev != last.Rev || got.Seq != got.Ordinal {
		t.Errorf("marker %+v after ten were marked unread; the last news was %+v", got, last)
	}
}

func testMeta(t *testing.T, engine Engine) {
	first := must(engine.Open(t).Meta(t.Context()))(t)
	if _, err := uuid.Parse(first.Epoch); err != nil || len(first.HashKey) != store.HashKeySize {
		t.Errorf("meta %+v: %v", first, err)
	}
	if second := must(engine.Open(t).Meta(t.Context()))(t); !reflect.DeepEqual(first, second) {
		t.Errorf("another handle reads %+v, the first %+v", second, first)
	}
}
