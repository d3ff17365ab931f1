package storetest

import (
	"math"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// A feed has the messages that a part of the log is about, as they are now.
func testFeed(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	feed := func(after uint32, limit, maxBytes int) (f store.Feed, texts map[uint32]string) {
		t.Helper()
		f = must(s.Feed(t.Context(), w.Room, after, limit, maxBytes))(t)
		texts = map[uint32]string{}
		for _, m := range f.Messages {
			if _, twice := texts[m.Event.Seq]; twice {
				t.Errorf("after %d: message %d twice", after, m.Event.Seq)
			}
			texts[m.Event.Seq] = m.Text()
		}
		return f, texts
	}
	if f, _ := feed(0, 10, math.MaxInt32); f.To != 0 || f.Head.Seq != 0 || len(f.Messages) > 0 || f.Ended {
		t.Errorf("of a room without events: %+v", f)
	}
	one := w.Post(0, "one")             // 1
	w.Post(1, "two")                    // 2
	w.Edit(0, one, "uno")               // 3
	three := w.Reply(1, one, 1, "tres") // 4
	w.React(2, three, "👍", false)       // 5
	w.Edit(0, one, "eins")              // 6
	w.Store(t, s)
	check := func(f store.Feed, texts map[uint32]string, to uint32, want map[uint32]string) {
		t.Helper()
		if f.To != to || f.LastAt != int64(to)*1000 || f.Head.Seq != 6 || f.Ended || len(texts) != len(want) {
			t.Errorf("to %d at %d of %d: %v, want %d: %v", f.To, f.LastAt, f.Head.Seq, texts, to, want)
		}
		for seq, text := range want {
			if texts[seq] != text {
				t.Errorf("to %d: %d is %q, want %q", to, seq, texts[seq], text)
			}
		}
	}
	f, texts := feed(0, 2, math.MaxInt32)
	check(f, texts, 2, map[uint32]string{1: "eins", 2: "two"})
	f, texts = feed(2, 10, math.MaxInt32)
	check(f, texts, 6, map[uint32]string{1: "eins", 4: "tres"})
	f, texts = feed(1, 10, 1) // one at least
	check(f, texts, 2, map[uint32]string{2: "two"})
	for _, m := range must(s.Feed(t.Context(), w.Room, 4, 1, math.MaxInt32))(t).Messages {
		if m.Event.Seq != 4 || len(m.Reactions) != 1 {
			t.Errorf("who reacted to what: %+v", m)
		}
	}

	w.Delete(0, one) // 7
	w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{Name: "x"} })
	w.Store(t, s)
	if f, texts = feed(6, 10, math.MaxInt32); f.Ended || len(texts) != 1 || f.Messages[0].DeletedSeq != 7 {
		t.Errorf("after a deletion: %+v", f)
	}
	w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{IsDeleted: true} })
	w.Store(t, s)
	for range 2 { // also when it is purged
		f, texts = feed(0, 10, math.MaxInt32)
		if !f.Ended || f.To != 9 {
			t.Errorf("after the room's end: %+v", f)
		}
		if err := s.Purge(t.Context(), w.Room); err != nil {
			t.Fatal(err)
		}
	}
	for seq, text := range texts {
		if text != "" {
			t.Errorf("after a purge: %d is %q", seq, text)
		}
	}
}

// Rooms are listed in pages, each once.
func testRooms(t *testing.T, engine Engine) {
	s := engine.Open(t)
	if rooms := must(s.Rooms(t.Context(), ids.Room{}, 10))(t); len(rooms) != 0 {
		t.Errorf("of an empty log: %v", rooms)
	}
	var want []ids.Room
	for range 5 {
		w := NewWriter()
		w.Post(0, "a")
		w.Post(0, "b")
		w.Store(t, s)
		want = append(want, w.Room)
	}
	slices.SortFunc(want, func(a, b ids.Room) int { return slices.Compare(a[:], b[:]) })
	var got []ids.Room
	for after := (ids.Room{}); ; after = got[len(got)-1] {
		page := must(s.Rooms(t.Context(), after, 2))(t)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
