package storetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testLogView(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	calls := []store.Mention{{Kind: store.MentionUser, User: w.Users[2], Length: 6}}
	secret := w.Event(store.KindMessage, 0, func(e *store.Event) {
		e.Content, e.Type, e.FileURL, e.Mentions = "secret", "file", "https://f.example/s", calls
	})
	edited := w.Post(0, "v1")
	w.Edit(0, secret, "secret 2").Mentions = calls
	w.Edit(0, edited, "v2")
	w.Store(t, s)
	if e := whole(t, s, w.Room).Events; e[0].Content != "secret" || e[2].Content != "secret 2" || e[1].Content != "v1" || e[0].Deleted {
		t.Errorf("before the deletion: %+v %+v %+v", e[0], e[1], e[2])
	}
	w.Delete(1, secret)
	w.Store(t, s)
	log := whole(t, s, w.Room)
	for i, want := range []struct {
		content string
		deleted bool
	}{{"", true}, {"v1", false}, {"", false}, {"v2", false}, {"", false}} {
		if e := log.Events[i]; e.Content != want.content || e.Deleted != want.deleted || e.FileURL != "" || e.Mentions != nil {
			t.Errorf("event %d after the deletion: %+v, want %+v", i+1, e, want)
		}
	}
	if e := log.Events[0]; e.Nonce != "nonce 1" || e.Hash[0] != 1 || e.Kind != store.KindMessage {
		t.Errorf("a deleted message keeps nonce, hash and kind: %+v", e)
	}
}

func testLogPages(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	for range 10 {
		w.Post(0, strings.Repeat("x", 1000))
	}
	w.Store(t, s)
	for _, tt := range []struct {
		after           uint32
		limit, maxBytes int
		first, count    int
	}{
		{0, 4, 1 << 20, 1, 4}, {4, 100, 1 << 20, 5, 6}, {10, 100, 1 << 20, 0, 0}, {99, 5, 1 << 20, 0, 0},
		{2, 100, 4000, 3, 3}, {2, 100, 1, 3, 1}, // too small for one: still one, or nobody would get past it
	} {
		log := must(s.Events(t.Context(), w.Room, tt.after, tt.limit, tt.maxBytes))(t)
		if len(log.Events) != tt.count || log.Head.Seq != 10 {
			t.Errorf("%+v: %d events, head %d", tt, len(log.Events), log.Head.Seq)
		} else if tt.count > 0 && log.Events[0].Seq != uint32(tt.first) {
			t.Errorf("%+v: begins with %d", tt, log.Events[0].Seq)
		}
	}
	if log := must(s.Events(t.Context(), ids.New[ids.Room](), 0, 10, 1000))(t); len(log.Events) != 0 || log.Head != (store.Head{}) {
		t.Errorf("a room without events: %+v", log)
	}
}

func testHistory(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	first := w.Post(0, "1")
	for i := range 11 { // messages have odd seqs from here on
		w.React(1, first, fmt.Sprint("e", i), false)
		w.Post(i%3, "x")
	}
	w.Store(t, s)
	const before, after = true, false
	for _, tt := range []struct {
		backward bool
		from     uint32
		limit    int
		want     []uint32
		more     bool
	}{
		{before, 1 << 31, 3, []uint32{23, 21, 19}, true},
		{before, 19, 3, []uint32{17, 15, 13}, true},
		{before, 5, 3, []uint32{3, 1}, false},
		{before, 5, 2, []uint32{3, 1}, false},
		{before, 1, 2, nil, false},
		{before, 0, 2, nil, false},
		{after, 0, 3, []uint32{5, 3, 1}, true},
		{after, 19, 3, []uint32{23, 21}, false},
		{after, 19, 2, []uint32{23, 21}, false},
		{after, 23, 2, nil, false},
	} {
		read := s.MessagesAfter
		if tt.backward {
			read = s.MessagesBefore
		}
		page := must(read(t.Context(), w.Room, tt.from, tt.limit))(t)
		var got []uint32
		for _, m := range page.Messages {
			got = append(got, m.Event.Seq)
		}
		if !slices.Equal(got, tt.want) || page.More != tt.more || page.AsOf != 23 {
			t.Errorf("%+v: got %v more=%t asOf=%d", tt, got, page.More, page.AsOf)
		}
	}
}

// Folding by the engine must be what Message.Apply makes of the log, after every single append.
func testFolding(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w := NewWriter()
	a, b := w.Post(0, "a"), w.Post(1, "b")
	model := map[uint32]*store.Message{}
	for _, e := range []*store.Event{a, b} {
		copied := *e
		model[e.Seq] = &store.Message{Event: &copied}
	}
	w.Store(t, s)
	for i, mutate := range []func() []*store.Event{
		func() []*store.Event { return []*store.Event{w.Edit(0, a, "a2")} },
		func() []*store.Event {
			return []*store.Event{w.Reply(1, a, 1, "1st"), w.Reply(2, a, 2, "2nd"), w.Reply(0, b, 1, "other")}
		},
		func() []*store.Event {
			e := w.Edit(0, a, "hi @room")
			e.Mentions = []store.Mention{{Kind: store.MentionRoom, Offset: 3, Length: 5}}
			return []*store.Event{e, w.Reply(1, a, 3, "3rd")}
		},
		func() []*store.Event {
			return []*store.Event{w.React(0, a, "👍", false), w.React(1, a, "👍", false)}
		},
		func() []*store.Event {
			return []*store.Event{w.React(1, a, "🎉", false), w.React(0, a, "👍", true)}
		},
		func() []*store.Event { return []*store.Event{w.React(1, a, "👍", true), w.Pin(2, a, false)} },
		func() []*store.Event {
			return []*store.Event{w.Edit(0, a, "a3"), w.Edit(1, b, "b2"), w.Pin(2, a, true)}
		},
		func() []*store.Event { return []*store.Event{w.Delete(2, a), w.React(0, b, "👀", false)} },
	} {
		for _, e := range mutate() {
			model[e.FoldsInto()].Apply(e)
		}
		w.Store(t, s)
		page := must(s.MessagesBefore(t.Context(), w.Room, 100, 10))(t)
		if len(page.Messages) != 2 {
			t.Fatalf("step %d: %d messages", i, len(page.Messages))
		}
		for _, got := range page.Messages {
			want := model[got.Event.Seq]
			if !reflect.DeepEqual(normal(got), normal(want)) || got.Text() != want.Text() || !reflect.DeepEqual(got.Calls(), want.Calls()) {
				t.Errorf("step %d, message %d:\n got %+v\nwant %+v", i, got.Event.Seq, got.Fold, want.Fold)
			}
		}
	}
	if m := must(s.Targets(t.Context(), []store.Ref{{Room: w.Room, Seq: a.Seq}}))(t)[store.Ref{Room: w.Room, Seq: a.Seq}]; m.Event.Content != "" {
		t.Errorf("a deleted message still has content %q", m.Event.Content)
	}
}

// normal is a fold in which an empty slice and none are the same, and the two ways to say that it was never updated.
func normal(m *store.Message) store.Fold {
	f := m.Fold
	f.UpdatedAt = max(f.UpdatedAt, m.Event.CreatedAt)
	if len(f.Reactions) == 0 {
		f.Reactions = nil
	}
	if len(f.Edits) == 0 {
		f.Edits = nil
	}
	return f
}

func testTargets(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	m := w.Post(0, "v1")
	join := w.Event(store.KindMemberJoined, 0, func(e *store.Event) { e.Member = &store.Member{User: w.Users[0], Role: "member"} })
	w.Edit(0, m, "v2")
	w.React(1, m, "👍", false)
	w.Store(t, s)
	o := other.Post(1, "elsewhere")
	other.Store(t, s)
	ref := func(e *store.Event) store.Ref { return store.Ref{Room: e.Room, Seq: e.Seq} }
	got := must(s.Targets(t.Context(), []store.Ref{ref(m), ref(join), ref(o), {Room: w.Room, Seq: 99}, {Room: other.Room, Seq: 4}}))(t)
	if len(got) != 2 {
		t.Fatalf("found %d messages, want 2: %v", len(got), got)
	}
	v := got[ref(m)]
	if v.Text() != "v2" || v.Event.Actor.User != w.Users[0] {
		t.Errorf("target %+v %+v", v.Event, v.Fold)
	}
	if r, ok := v.Reacted(w.Users[1], "👍"); !ok || r.Seq != 4 || r.At != 4000 {
		t.Errorf("reaction %+v %t", r, ok)
	}
	if r, ok := v.Reacted(w.Users[0], "👍"); ok {
		t.Errorf("a reaction of another user: %+v", r)
	}
	if got[ref(o)].Text() != "elsewhere" {
		t.Errorf("target of the other room: %+v", got[ref(o)])
	}
}

// While one goroutine edits a message over and over, every page read beside it must be exact as of its AsOf.
func testReadersDuringFolds(t *testing.T, engine Engine) {
	s, reader := engine.Open(t), engine.Open(t)
	w := NewWriter()
	m := w.Post(0, "1")
	w.Store(t, s)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stop)
		for range 30 {
			w.Edit(0, m, fmt.Sprint(w.head.Seq+1))
			if err := s.Append(t.Context(), []store.Batch{w.Batch()})[0]; err != nil {
				t.Error(err)
				return
			}
		}
	})
	for done := false; !done; {
		select {
		case <-stop:
			done = true
		default:
		}
		page, err := reader.MessagesBefore(t.Context(), w.Room, 100, 10)
		if err != nil {
			t.Error(err)
			break
		}
		if got := page.Messages[0].Text(); got != fmt.Sprint(page.AsOf) {
			t.Errorf("as of %d the content is %q", page.AsOf, got)
		}
	}
	wg.Wait()
}
