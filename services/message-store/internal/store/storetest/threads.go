package storetest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testThreads(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	one, two, three := w.Post(0, "1"), w.Post(1, "2"), w.Post(2, "3")
	w.Reply(0, two, 1, "2.1")          // 4
	first := w.Reply(1, one, 1, "1.1") // 5
	w.React(2, one, "👍", false)        // 6
	w.Reply(2, one, 2, "1.2")          // 7
	w.Post(0, "4")                     // 8
	w.Reply(0, one, 3, "1.3")          // 9
	w.Edit(1, first, "1.1 edited")     // 10
	w.Reply(1, three, 1, "3.1")        // 11
	other.Reply(0, other.Post(0, "elsewhere"), 1, "there")
	w.Store(t, s)
	other.Store(t, s)

	page := func(p store.Page, err error) ([]uint32, bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if p.AsOf != 11 {
			t.Errorf("as of %d, want 11", p.AsOf)
		}
		var seqs []uint32
		for _, m := range p.Messages {
			seqs = append(seqs, m.Event.Seq)
		}
		return seqs, p.More
	}
	root := store.Ref{Room: w.Room, Seq: one.Seq}
	threads := func(ctx context.Context, _ store.Ref, before uint32, limit int) (store.Page, error) {
		return s.Threads(ctx, w.Room, before, limit)
	}
	room := func(ctx context.Context, _ store.Ref, before uint32, limit int) (store.Page, error) {
		return s.MessagesBefore(ctx, w.Room, before, limit)
	}
	for name, tt := range map[string]struct {
		read  func(context.Context, store.Ref, uint32, int) (store.Page, error)
		root  store.Ref
		from  uint32
		limit int
		want  []uint32
		more  bool
	}{
		"the room has no replies":       {room, root, math.MaxUint32, 10, []uint32{8, 3, 2, 1}, false},
		"the newest of a thread":        {s.RepliesBefore, root, math.MaxUint32, 2, []uint32{9, 7}, true},
		"the oldest of it":              {s.RepliesBefore, root, 7, 2, []uint32{5}, false},
		"before all":                    {s.RepliesBefore, root, 5, 2, nil, false},
		"after the root":                {s.RepliesAfter, root, 0, 2, []uint32{7, 5}, true},
		"the rest":                      {s.RepliesAfter, root, 7, 2, []uint32{9}, false},
		"after all":                     {s.RepliesAfter, root, 9, 2, nil, false},
		"of a message without one":      {s.RepliesBefore, store.Ref{Room: w.Room, Seq: 8}, math.MaxUint32, 5, nil, false},
		"of no message":                 {s.RepliesAfter, store.Ref{Room: w.Room, Seq: 99}, 0, 5, nil, false},
		"the newest threads":            {threads, root, math.MaxUint32, 2, []uint32{3, 2}, true},
		"the rest of the threads":       {threads, root, 2, 2, []uint32{1}, false},
		"all threads, exactly the page": {threads, root, math.MaxUint32, 3, []uint32{3, 2, 1}, false},
		"before the first thread":       {threads, root, 1, 2, nil, false},
	} {
		if got, more := page(tt.read(t.Context(), tt.root, tt.from, tt.limit)); !slices.Equal(got, tt.want) || more != tt.more {
			t.Errorf("%s: %v more=%t, want %v more=%t", name, got, more, tt.want, tt.more)
		}
	}
	replies := must(s.RepliesAfter(t.Context(), root, 0, 10))(t).Messages
	if m := replies[2]; m.Text() != "1.1 edited" || m.Event.Thread != one.Seq || m.Event.ThreadOrdinal != 1 {
		t.Errorf("the first reply: %+v %+v", m.Event, m.Fold)
	}
	roots := must(s.Threads(t.Context(), w.Room, math.MaxUint32, 10))(t).Messages
	if r := roots[2]; r.Replies != (store.Thread{Count: 3, LastSeq: 9, LastAt: 9000, LastUser: w.Users[0]}) || len(r.Reactions) != 1 {
		t.Errorf("the root: %+v", r.Fold)
	}
	// A thread outlives its root.
	w.Delete(0, one)
	w.Store(t, s)
	roots = must(s.Threads(t.Context(), w.Room, math.MaxUint32, 10))(t).Messages
	if r := roots[2]; r.DeletedSeq != 12 || r.Replies.Count != 3 || r.Text() != "" {
		t.Errorf("the deleted root: %+v", r.Fold)
	}
}
