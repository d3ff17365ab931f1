package storetest

import (
	"maps"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// calls are mentions of these users of a writer, or (-1) of the room, or (-2) of who is here.
func (w *Writer) calls(users ...int) (all []store.Mention) {
	for _, i := range users {
		switch i {
		case -1:
			all = append(all, store.Mention{Kind: store.MentionRoom, Length: 5})
		case -2:
			all = append(all, store.Mention{Kind: store.MentionHere, Length: 5})
		default:
			all = append(all, store.Mention{Kind: store.MentionUser, User: w.Users[i], Length: 5})
		}
	}
	return all
}

// Call adds a message that mentions users as calls does.
func (w *Writer) Call(user int, users ...int) *store.Event {
	e := w.Post(user, "hey")
	e.Mentions = w.calls(users...)
	return e
}

// unread are the unread mentions of every user of a writer's room after a seq, in order.
func unread(t *testing.T, s Store, w *Writer, after uint32) (all [][]uint32) {
	t.Helper()
	var readers []store.Unread
	for _, user := range w.Users {
		readers = append(readers, store.Unread{Reader: store.Reader{User: user, Room: w.Room}, After: after})
	}
	found := must(s.UnreadMentions(t.Context(), readers))(t)
	last := must(s.LastCalls(t.Context(), []ids.Room{w.Room, ids.New[ids.Room]()}))(t)
	for r, seqs := range found {
		if newest := slices.Max(seqs); newest > last[r.Room] {
			t.Errorf("the last call is %v, but %d is a later one", last, newest)
		}
	}
	for _, r := range readers {
		seqs := found[r.Reader]
		slices.Sort(seqs)
		all = append(all, seqs)
	}
	return all
}

func testUnreadMentions(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	other.Users = w.Users
	check := func(after uint32, want ...[]uint32) {
		t.Helper()
		if got := unread(t, s, w, after); !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("after %d: %v, want %v", after, got, want)
		}
	}
	check(0, nil, nil, nil)
	w.Call(0, 1, 1, 0, -2)  // 1: user 1, once; the author not
	w.Post(0, "nobody")     // 2
	all := w.Call(1, 2, -1) // 3: everybody but the author
	edited := w.Call(2, 0)  // 4
	reply := w.Reply(0, all, 1, "@2")
	reply.Mentions = w.calls(2) // 5
	w.Store(t, s)
	other.Call(0, 1)
	other.Store(t, s)
	check(0, []uint32{3, 4}, []uint32{1}, []uint32{3, 5})
	check(3, []uint32{4}, nil, []uint32{5})
	check(5, nil, nil, nil)

	w.Edit(2, edited, "v2").Mentions = w.calls(1)
	w.React(1, edited, "👍", false)
	w.Store(t, s)
	check(0, []uint32{3}, []uint32{1, 4}, []uint32{3, 5})
	w.Edit(2, edited, "v3").Mentions = w.calls(-1, 1)
	w.Delete(1, all)
	w.Store(t, s)
	check(0, []uint32{4}, []uint32{1, 4}, []uint32{5})

	// Sent, edited and deleted in one append.
	m := w.Call(0, 1)                         // 10
	w.Edit(0, m, "v2").Mentions = w.calls(2)  // 11
	n := w.Call(0, 1)                         // 12
	w.Edit(0, n, "v2").Mentions = w.calls(-1) // 13
	w.Delete(0, n)                            // 14
	w.Store(t, s)
	check(9, nil, nil, []uint32{10})
	if others := unread(t, s, other, 0); !slices.EqualFunc(others, [][]uint32{nil, {1}, nil}, slices.Equal) {
		t.Errorf("in the other room: %v", others)
	}
}

func testLastCalls(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other, none := NewWriter(), NewWriter(), NewWriter()
	rooms := []ids.Room{w.Room, other.Room, none.Room, ids.New[ids.Room]()}
	check := func(want map[ids.Room]uint32) {
		t.Helper()
		if got := must(s.LastCalls(t.Context(), rooms))(t); !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	check(nil)
	w.Call(0, 1)             // 1
	w.Call(0, -1)            // 2
	m := w.Post(0, "silent") // 3
	w.Call(0, 0, -2)         // 4: nobody who would have to read it later
	other.Call(0, 1)
	none.Post(0, "hey")
	for _, w := range []*Writer{w, other, none} {
		w.Store(t, s)
	}
	check(map[ids.Room]uint32{w.Room: 2, other.Room: 1})
	w.Edit(0, m, "v2").Mentions = w.calls(2)
	w.Store(t, s)
	check(map[ids.Room]uint32{w.Room: 3, other.Room: 1})
}

func testMentions(t *testing.T, engine Engine) {
	s := engine.Open(t)
	a, b, left := NewWriter(), NewWriter(), NewWriter()
	b.Users, left.Users = a.Users, a.Users
	me, you := 0, 1
	var want []store.MentionAt // as they come
	add := func(e *store.Event) {
		want = append(want, store.MentionAt{CreatedAt: e.CreatedAt, Ref: store.Ref{Room: e.Room, Seq: e.Seq}})
	}
	for range 3 { // each writer has the same times
		add(a.Call(you, me))
		add(b.Call(you, -1))
		left.Call(you, me)
		left.Call(you, -1)
		add(b.Call(you, me, you))
		a.Call(me, -1)
		a.Call(you, 2)
		b.Post(you, "nobody")
	}
	gone := a.Call(you, me)
	a.Delete(you, gone)
	for _, w := range []*Writer{a, b, left} {
		w.Store(t, s)
	}
	slices.SortFunc(want, store.CompareMentions)
	rooms := []ids.Room{a.Room, b.Room, ids.New[ids.Room]()}
	for _, limit := range []int{1, 2, 4, 100} {
		var got []store.MentionAt
		for before := (store.MentionAt{}); ; before = got[len(got)-1] {
			page := must(s.Mentions(t.Context(), a.Users[me], rooms, before, limit))(t)
			got = append(got, page...)
			if len(page) < limit || len(got) > len(want) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d:\n got %v\nwant %v", limit, got, want)
		}
	}
	if got := must(s.Mentions(t.Context(), a.Users[me], nil, store.MentionAt{}, 10))(t); len(got) != 0 {
		t.Errorf("in no rooms: %v", got)
	}
}
