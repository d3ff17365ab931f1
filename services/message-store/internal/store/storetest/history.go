package storetest

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testEventsAt(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	m := w.Post(0, "v1")
	w.Edit(0, m, "v2").Mentions = []store.Mention{{Kind: store.MentionHere, Length: 5}}
	w.Post(1, "between")
	w.Edit(0, m, "v3")
	w.Store(t, s)
	for _, tt := range []struct {
		seqs []uint32
		want []string
	}{{nil, nil}, {[]uint32{1, 2, 4}, []string{"v1", "v2", "v3"}}, {[]uint32{4, 99}, []string{"v3"}}, {[]uint32{3}, []string{"between"}}} {
		events := must(s.EventsAt(t.Context(), w.Room, tt.seqs))(t)
		var got []string
		for i, e := range events {
			got = append(got, e.Content)
			if e.Seq != tt.seqs[i] || len(e.Mentions) > 0 != (e.Seq == 2) {
				t.Errorf("%v: %+v", tt.seqs, e)
			}
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: %q, want %q", tt.seqs, got, tt.want)
		}
	}
	w.Delete(0, m)
	w.Store(t, s)
	for _, e := range must(s.EventsAt(t.Context(), w.Room, []uint32{1, 2, 4}))(t) {
		if e.Content != "" || len(e.Mentions) > 0 || e.Deleted != (e.Seq == 1) {
			t.Errorf("after the deletion: %+v", e)
		}
	}
}

// After every append the pins are what the fold of the log says.
func testPins(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	var posts []*store.Event
	for range 4 {
		posts = append(posts, w.Post(0, "x"))
	}
	w.Store(t, s)
	other.Pin(0, other.Post(0, "elsewhere"), false)
	other.Store(t, s)
	check := func(step string, before uint32, limit int, more bool, want ...int) {
		t.Helper()
		page := must(s.Pins(t.Context(), w.Room, before, limit))(t)
		var got []int
		for _, m := range page.Messages {
			got = append(got, slices.IndexFunc(posts, func(e *store.Event) bool { return e.Seq == m.Event.Seq }))
		}
		if !slices.Equal(got, want) || page.More != more || page.AsOf != w.head.Seq {
			t.Errorf("%s: pinned %v more=%t as of %d, want %v %t %d", step, got, page.More, page.AsOf, want, more, w.head.Seq)
		}
	}
	check("nothing", math.MaxUint32, 10, false)
	var last *store.Event
	for i, step := range []struct {
		name string
		do   func()
		want []int
	}{
		{"pins", func() { w.Pin(1, posts[2], false); w.Pin(1, posts[0], false); w.React(1, posts[0], "👍", false) }, []int{0, 2}},
		{"an unpin", func() { w.Pin(1, posts[0], true); w.Pin(1, posts[3], false) }, []int{3, 2}},
		{"another pin of the same", func() { w.Pin(1, posts[2], true); w.Pin(1, posts[2], false) }, []int{2, 3}},
		{"both in one", func() { w.Pin(1, posts[1], false); w.Pin(1, posts[1], true) }, []int{2, 3}},
		{"a deletion", func() { w.Delete(1, posts[2]) }, []int{3}},
		{"an edit", func() { w.Edit(0, posts[3], "y") }, []int{3}},
		{"all", func() { w.Pin(1, posts[0], false); last = w.Pin(1, posts[1], false) }, []int{1, 0, 3}},
	} {
		step.do()
		w.Store(t, s)
		check(step.name, math.MaxUint32, 10, false, step.want...)
		if i == 5 {
			if m := must(s.Pins(t.Context(), w.Room, math.MaxUint32, 1))(t).Messages; len(m) != 1 || m[0].Text() != "y" || m[0].PinnedSeq == 0 || m[0].PinnedAt == 0 {
				t.Errorf("pinned %+v", m)
			}
		}
	}
	check("the first page", math.MaxUint32, 2, true, 1, 0)
	check("after the first", last.Seq, 1, true, 0)
	check("the last page", last.Seq-1, 2, false, 3)
}

func testChanges(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	join := func() {
		w.Event(store.KindMemberJoined, 0, func(e *store.Event) { e.Member = &store.Member{User: w.Users[1], Role: "member"} })
	}
	join()
	m := w.Post(0, "x")
	w.React(0, m, "👍", false)
	w.Event(store.KindMemberLeft, 1, func(e *store.Event) { e.Member = &store.Member{User: w.Users[1], Reason: "left"} })
	w.Event(store.KindRoomUpdated, 1, func(e *store.Event) { e.Info = &store.RoomInfo{Name: "n", Topic: "t"} })
	w.Post(0, "y")
	join()
	w.Store(t, s)
	for _, tt := range []struct {
		after, before uint32
		limit         int
		want          []uint32
	}{
		{0, math.MaxUint32, 10, []uint32{1, 4, 5, 7}}, {0, math.MaxUint32, 2, []uint32{5, 7}}, {1, 7, 10, []uint32{4, 5}},
		{4, 5, 10, nil}, {7, math.MaxUint32, 10, nil}, {0, 0, 10, nil},
	} {
		var got []uint32
		for _, e := range must(s.Changes(t.Context(), w.Room, tt.after, tt.before, tt.limit))(t) {
			got = append(got, e.Seq)
			if e.Seq == 5 && (e.Info == nil || e.Info.Topic != "t") || e.Seq == 4 && (e.Member == nil || e.Member.Reason != "left") {
				t.Errorf("%+v", e)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

func testSaved(t *testing.T, engine Engine) {
	s := engine.Open(t)
	me, you := ids.New[ids.User](), ids.New[ids.User]()
	a, b := ids.New[ids.Room](), ids.New[ids.Room]()
	saved := func(user ids.User, room ids.Room, seq uint32) store.Saved {
		return store.Saved{User: user, Ref: store.Ref{Room: room, Seq: seq}, ID: ids.New[ids.Saved]()}
	}
	const most = 4
	save := func(m store.Saved, want bool) store.Saved {
		t.Helper()
		if isNew := must(s.Save(t.Context(), m, most))(t); isNew != want {
			t.Errorf("save %+v: new=%t", m, isNew)
		}
		return m
	}
	list := func(user ids.User, before ids.Saved, limit int, want ...store.Saved) {
		t.Helper()
		got := must(s.Saved(t.Context(), user, before, limit))(t)
		if len(got) > 0 && !reflect.DeepEqual(got, want) || len(got) != len(want) {
			t.Errorf("saved %v, want %v", got, want)
		}
	}
	list(me, store.BeyondSaved(), 10)
	first := save(saved(me, a, 7), true)
	save(saved(you, a, 7), true)
	second := save(saved(me, b, 7), true)
	save(saved(me, a, 7), false)
	third := save(saved(me, a, 8), true)
	list(me, store.BeyondSaved(), 10, third, second, first)
	list(me, store.BeyondSaved(), 2, third, second)
	list(me, second.ID, 2, first)
	list(me, first.ID, 2)
	fourth := save(saved(me, b, 1), true)
	if _, err := s.Save(t.Context(), saved(me, b, 2), most); !errors.Is(err, store.ErrFull) {
		t.Errorf("one more than %d: %v", most, err)
	}
	save(saved(me, a, 7), false) // which is no news
	list(me, store.BeyondSaved(), 10, fourth, third, second, first)
	for i, want := range []bool{true, false} {
		if was := must(s.Unsave(t.Context(), me, second.Ref))(t); was != want {
			t.Errorf("unsave %d: was=%t", i, was)
		}
	}
	fifth := save(saved(me, b, 2), true)
	if err := s.UnsaveRoom(t.Context(), me, a); err != nil {
		t.Error(err)
	}
	list(me, store.BeyondSaved(), 10, fifth, fourth)
	if n := len(must(s.Saved(t.Context(), you, store.BeyondSaved(), 10))(t)); n != 1 {
		t.Errorf("another user has %d saved messages, want 1", n)
	}
}
