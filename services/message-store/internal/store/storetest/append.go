package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testReadBack(t *testing.T, engine Engine) {
	s := engine.Open(t)
	a, b := NewWriter(), NewWriter()
	var want []*store.Event
	add := func(e *store.Event) *store.Event {
		copied := *e // an engine may not change what it was given, but then this would not see it
		want = append(want, &copied)
		return e
	}
	add(a.Event(store.KindMemberJoined, 0, func(e *store.Event) {
		e.Member = &store.Member{User: a.Users[1], Username: "é", Avatar: "x", Role: "owner", MutedUntil: 1234, IsChange: true, IsBot: true}
	}))
	add(a.Event(store.KindRoomUpdated, 0, func(e *store.Event) {
		e.Info = &store.RoomInfo{
			Name: "Général", Description: "d", Topic: "t", Avatar: "a", IsPrivate: true, IsArchived: true, IsAnnouncement: true,
			SlowModeSeconds: 30, IsDeleted: true,
		}
	}))
	m := add(a.Event(store.KindMessage, 0, func(e *store.Event) {
		e.Content, e.Type, e.FileURL, e.ReplyTo = "quote ' and \x00 and 🐈", "image", "https://f.example/1", 1
	}))
	calls := []store.Mention{{Kind: store.MentionUser, User: a.Users[2], Offset: 3, Length: 5}, {Kind: store.MentionHere, Length: 5}}
	m.Mentions = calls
	want[len(want)-1].Mentions = calls
	add(a.Event(store.KindEdited, 0, func(e *store.Event) { e.Target, e.Content, e.Mentions = m.Seq, "again", calls[1:] }))
	add(a.Reply(1, m, 1, "in the thread"))
	mentioning := a.Reply(1, m, 2, "@room")
	mentioning.Mentions = []store.Mention{{Kind: store.MentionRoom, Length: 5}}
	add(mentioning)
	add(a.React(1, m, "👍", false))
	add(a.Pin(2, m, true))
	add(a.Event(store.KindMemberLeft, 0, func(e *store.Event) { e.Member = &store.Member{User: a.Users[1], Reason: "banned", Note: "spam"} }))
	b.Post(1, "elsewhere")
	for i, err := range s.Append(t.Context(), []store.Batch{a.Batch(), b.Batch()}) {
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
	}
	log := whole(t, s, a.Room)
	if len(log.Events) != len(want) {
		t.Fatalf("%d events, want %d", len(log.Events), len(want))
	}
	for i, e := range log.Events {
		if !reflect.DeepEqual(e, want[i]) {
			t.Errorf("event %d:\n got %+v\nwant %+v", i, e, want[i])
		}
	}
	if log.Head.Seq != 9 || log.Head.Ordinal != 1 || log.Head.Version != 3 {
		t.Errorf("head %+v", log.Head)
	}
	if other := whole(t, s, b.Room); len(other.Events) != 1 || other.Events[0].Content != "elsewhere" {
		t.Errorf("the other room: %+v", other)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

func testHeads(t *testing.T, engine Engine) {
	s := engine.Open(t)
	a, b, empty := NewWriter(), NewWriter(), ids.New[ids.Room]()
	for range 12 { // more than nine: a head must not be found by comparing texts of numbers
		a.Post(0, "x")
	}
	a.Event(store.KindMemberLeft, 1, func(e *store.Event) { e.Member = &store.Member{User: a.Users[1], Reason: "left"} })
	b.Post(0, "y")
	a.Store(t, s)
	b.Store(t, s)
	heads := must(s.Heads(t.Context(), []ids.Room{a.Room, b.Room, empty}))(t)
	want := map[ids.Room]store.Head{a.Room: {Seq: 13, Ordinal: 12, Version: 1, CreatedAt: 13_000}, b.Room: {Seq: 1, Ordinal: 1, CreatedAt: 1000}}
	if !reflect.DeepEqual(heads, want) {
		t.Errorf("heads %+v, want %+v", heads, want)
	}
}

func testConflicts(t *testing.T, engine Engine) {
	s := engine.Open(t)
	seq, nonce, fine, after := NewWriter(), NewWriter(), NewWriter(), NewWriter()
	for _, w := range []*Writer{seq, nonce} {
		w.Post(0, "first")
		w.Store(t, s)
	}
	// One room's seq is taken, another's nonce, each in the middle of the rooms that are fine.
	seq.head = store.Head{}
	seq.Post(0, "late").Nonce = "another"
	seq.Post(0, "later").Nonce = "yet another"
	nonce.Post(0, "new")
	nonce.Post(0, "again").Nonce = "nonce 1"
	nonce.Post(0, "never")
	fine.Post(0, "a")
	fine.Post(0, "b")
	fine.Edit(0, &store.Event{Seq: 1}, "c")
	after.Post(0, "z")
	batches := []store.Batch{fine.Batch(), seq.Batch(), nonce.Batch(), after.Batch()}
	errs := s.Append(t.Context(), batches)
	for i, want := range []error{nil, store.ErrConflict, store.ErrConflict, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("batch %d: %v, want %v", i, errs[i], want)
		}
	}
	for w, want := range map[*Writer][]string{seq: {"first"}, nonce: {"first"}, fine: {"a", "b", "c"}, after: {"z"}} {
		var got []string
		for _, e := range whole(t, s, w.Room).Events {
			got = append(got, e.Content)
		}
		if w == nonce && len(got) == 2 && got[1] == "new" {
			got = got[:1] // an engine without transactions stores what comes before the event that conflicts
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("log %q, want %q", got, want)
		}
	}
	if m := must(s.MessagesBefore(t.Context(), fine.Room, 2, 1))(t).Messages; len(m) != 1 || m[0].Text() != "c" {
		t.Errorf("beside a conflict, an edit was not folded: %+v", m)
	}
}

func testNonces(t *testing.T, engine Engine) {
	s := engine.Open(t)
	a, b := NewWriter(), NewWriter()
	var keys []store.NonceKey
	want := map[store.NonceKey]store.Stored{}
	for _, w := range []*Writer{a, b} {
		for i := range 45 { // several groups of a multi-row lookup
			e := w.Post(i%3, "x")
			key := store.NonceKey{Room: w.Room, User: e.Actor.User, Nonce: e.Nonce}
			want[key] = store.Stored{Seq: e.Seq, CreatedAt: e.CreatedAt, Hash: e.Hash}
			keys = append(keys, key)
		}
		w.Store(t, s)
	}
	// Each of these differs from a stored one in one part of the key.
	strangers := []store.NonceKey{
		{Room: a.Room, User: b.Users[0], Nonce: "nonce 1"}, {Room: b.Room, User: a.Users[0], Nonce: "nonce 1"}, {Room: a.Room, User: a.Users[0], Nonce: "nonce 2"},
	}
	if got := must(s.FindNonces(t.Context(), append(strangers, keys...)))(t); !reflect.DeepEqual(got, want) {
		t.Errorf("found %d nonces, want %d; or they differ", len(got), len(want))
	}
	if got := must(s.FindNonces(t.Context(), nil))(t); len(got) != 0 {
		t.Errorf("no keys: found %v", got)
	}
	// The nonce outlives the content.
	first := &store.Event{Seq: 1}
	a.Delete(0, first)
	a.Store(t, s)
	if got := must(s.FindNonces(t.Context(), keys[:1]))(t); got[keys[0]] != want[keys[0]] {
		t.Errorf("after its deletion the nonce of a message is %+v", got)
	}
}

// Two handles, each believing that it owns the room, race for every seq; what they say happened must be what is stored.
func testTwoWriters(t *testing.T, engine Engine) {
	if !engine.Races {
		t.Skip("this database does not promise unique indexes under concurrency")
	}
	const each = 40
	room, user := ids.New[ids.Room](), ids.New[ids.User]()
	type acked struct {
		seq   uint32
		nonce string
	}
	var mu sync.Mutex
	var acks []acked
	var wg sync.WaitGroup
	for writer := range 2 {
		s := engine.Open(t)
		wg.Go(func() {
			for i := 0; i < each; {
				heads, err := s.Heads(t.Context(), []ids.Room{room})
				if err != nil {
					t.Error(err)
					return
				}
				h := heads[room]
				e := &store.Event{
					Room: room, Seq: h.Seq + 1, Ordinal: h.Ordinal + 1, Kind: store.KindMessage, Actor: store.Actor{User: user},
					Nonce: fmt.Sprint(writer, " ", i), Content: "x", Type: "text",
				}
				switch err := s.Append(t.Context(), []store.Batch{{Room: room, Events: []*store.Event{e}}})[0]; {
				case err == nil:
					mu.Lock()
					acks = append(acks, acked{e.Seq, e.Nonce})
					mu.Unlock()
					i++
				case !errors.Is(err, store.ErrConflict):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	log := whole(t, engine.Open(t), room)
	if len(log.Events) != 2*each || len(acks) != 2*each {
		t.Fatalf("%d events and %d acks, want %d", len(log.Events), len(acks), 2*each)
	}
	nonces := map[uint32]string{}
	for i, e := range log.Events {
		if e.Seq != uint32(i+1) || e.Ordinal != e.Seq {
			t.Fatalf("event %d has seq %d, ordinal %d", i, e.Seq, e.Ordinal)
		}
		nonces[e.Seq] = e.Nonce
	}
	for _, a := range acks {
		if nonces[a.seq] != a.nonce {
			t.Errorf("acked %q at %d, stored there is %q", a.nonce, a.seq, nonces[a.seq])
		}
	}
}
