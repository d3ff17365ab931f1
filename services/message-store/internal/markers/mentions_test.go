package markers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/markers"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// mentionStore counts how often it is asked, and says whatever seqs says.
type mentionStore struct {
	seqs  map[store.Reader][]uint32
	reads atomic.Int32
	// rooms is how often it is asked for the last calls of rooms.
	rooms atomic.Int32
	// before is called before the answer is made, if it is set.
	before func()
}

func (s *mentionStore) LastCalls(_ context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	s.rooms.Add(1)
	last := map[ids.Room]uint32{}
	for r, seqs := range s.seqs {
		if slices.Contains(rooms, r.Room) {
			last[r.Room] = max(last[r.Room], slices.Max(seqs))
		}
	}
	if s.before != nil {
		s.before()
	}
	return last, nil
}

func (s *mentionStore) UnreadMentions(_ context.Context, readers []store.Unread) (map[store.Reader][]uint32, error) {
	s.reads.Add(1)
	found := map[store.Reader][]uint32{}
	for _, r := range readers {
		for _, seq := range s.seqs[r.Reader] {
			if seq > r.After {
				found[r.Reader] = append(found[r.Reader], seq)
			}
		}
	}
	if s.before != nil {
		s.before()
	}
	return found, nil
}

func TestMentionsAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		me, you := store.Reader{User: ids.New[ids.User](), Room: ids.New[ids.Room]()}, ids.New[ids.User]()
		s := &mentionStore{seqs: map[store.Reader][]uint32{me: {3, 5, 9}}}
		m := markers.NewMentions(s, 1<<20)
		reads := int32(0)
		check := func(step string, read, head, want uint32, again bool) {
			t.Helper()
			if again {
				reads++
			}
			got, err := m.Remembered(t.Context(), []store.Behind{{Reader: me, Read: read, Head: head}}, time.Now())
			if err != nil || got[me] != want || s.reads.Load() != reads {
				t.Errorf("%s: %v, %v after %d reads; want %d after %d", step, got, err, s.reads.Load(), want, reads)
			}
		}
		call := func(seq, asOf uint32, users ...ids.User) {
			m.Changed(store.Calling{Ref: store.Ref{Room: me.Room, Seq: seq}, AsOf: asOf, Author: you, Users: users})
		}
		check("first", 2, 9, 3, true)
		check("from memory", 2, 9, 3, false)
		check("after the marker", 4, 9, 2, false)
		check("up to the head", 4, 8, 1, false)
		check("at the head", 9, 9, 0, false)
		check("before what was read", 1, 9, 3, true)

		time.Sleep(time.Second) //nolint:forbidigo // synctest's clock
		call(10, 10, me.User)
		call(11, 11, store.Everybody())
		call(12, 12, ids.New[ids.User]())
		call(5, 13) // edited
		check("what was called since", 4, 13, 3, false)
		call(10, 14)          // deleted
		call(10, 10, me.User) // late news of before
		call(12, 15, me.User)
		check("what was called otherwise since", 4, 15, 3, false)
		m.Changed(store.Calling{Ref: store.Ref{Room: me.Room, Seq: 16}, AsOf: 16, Author: me.User, Users: []ids.User{store.Everybody()}})
		check("one's own", 4, 16, 3, false)

		s.seqs[me] = []uint32{9, 11, 12}
		time.Sleep(16 * time.Minute) //nolint:forbidigo // synctest's clock
		check("too old", 4, 16, 3, true)
		m.Clear()
		check("after a loss", 4, 16, 3, true)
		if got, err := m.Read(t.Context(), []store.Behind{{Reader: me, Read: 4, Head: 16}}, time.Now()); err != nil || got[me] != 3 || s.reads.Load() != reads+1 {
			t.Errorf("read: %v, %v", got, err)
		}
	})
}

// Who has read everything is remembered without a question to the store, and what calls them afterwards is counted.
func TestMentionsOfWhoHasReadAll(t *testing.T) {
	t.Parallel()
	s := &mentionStore{}
	m := markers.NewMentions(s, 1<<20)
	me := store.Reader{User: ids.New[ids.User](), Room: ids.New[ids.Room]()}
	for _, tt := range []struct{ head, want uint32 }{{4, 0}, {5, 1}} {
		got, err := m.Remembered(t.Context(), []store.Behind{{Reader: me, Read: 4, Head: tt.head}}, time.Now())
		if err != nil || got[me] != tt.want || s.reads.Load() != 0 {
			t.Errorf("head %d: %v, %v after %d reads", tt.head, got, err, s.reads.Load())
		}
		m.Changed(store.Calling{Ref: store.Ref{Room: me.Room, Seq: 5}, AsOf: 5, Users: []ids.User{store.Everybody()}})
	}
}

// Many who come back to a room that nobody was called in since they read it cost one question in all.
func TestMentionsOfAQuietRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		room := ids.New[ids.Room]()
		s := &mentionStore{seqs: map[store.Reader][]uint32{{User: ids.New[ids.User](), Room: room}: {4}}}
		m := markers.NewMentions(s, 1<<20)
		var me store.Reader
		for read := range uint32(50) {
			me = store.Reader{User: ids.New[ids.User](), Room: room}
			got, err := m.Remembered(t.Context(), []store.Behind{{Reader: me, Read: 4 + read, Head: 60}}, time.Now())
			if err != nil || len(got) != 0 {
				t.Errorf("%v, %v", got, err)
			}
		}
		if s.reads.Load() != 0 || s.rooms.Load() != 1 {
			t.Errorf("%d reads of users, %d of rooms", s.reads.Load(), s.rooms.Load())
		}
		m.Changed(store.Calling{Ref: store.Ref{Room: room, Seq: 55}, AsOf: 61, Users: []ids.User{me.User}}) // an edit
		behind := []store.Behind{{Reader: me, Read: 54, Head: 61}}
		if got, err := m.Remembered(t.Context(), behind, time.Now()); err != nil || got[me] != 1 || s.reads.Load() != 0 {
			t.Errorf("called since: %v, %v after %d reads", got, err, s.reads.Load())
		}
		s.seqs[me] = []uint32{55}
		time.Sleep(16 * time.Minute) //nolint:forbidigo // synctest's clock
		if got, err := m.Remembered(t.Context(), behind, time.Now()); err != nil || got[me] != 1 || s.rooms.Load() != 2 || s.reads.Load() != 1 {
			t.Errorf("too old: %v, %v after %d reads of users, %d of rooms", got, err, s.reads.Load(), s.rooms.Load())
		}
	})
}

// News that come while the store is read are not lost, and neither is that some may have been.
func TestMentionsChangeDuringARead(t *testing.T) {
	t.Parallel()
	me := store.Reader{User: ids.New[ids.User](), Room: ids.New[ids.Room]()}
	s := &mentionStore{seqs: map[store.Reader][]uint32{me: {3}}}
	m := markers.NewMentions(s, 1<<20)
	behind := []store.Behind{{Reader: me, Read: 1, Head: 5}}
	quiet := store.Reader{User: me.User, Room: ids.New[ids.Room]()}
	s.before = func() { // while the last call of the room is read
		m.Changed(store.Calling{Ref: store.Ref{Room: quiet.Room, Seq: 5}, AsOf: 5, Users: []ids.User{me.User}})
	}
	if got, err := m.Remembered(t.Context(), []store.Behind{{Reader: quiet, Read: 1, Head: 5}}, time.Now()); err != nil || got[quiet] != 1 || s.reads.Load() != 0 {
		t.Errorf("%v, %v after %d reads", got, err, s.reads.Load())
	}
	s.before = func() {
		if s.reads.Load() > 0 { // while the user's mentions are read
			m.Changed(store.Calling{Ref: store.Ref{Room: me.Room, Seq: 5}, AsOf: 5, Users: []ids.User{me.User}})
		}
	}
	if got, err := m.Remembered(t.Context(), behind, time.Now()); err != nil || got[me] != 2 {
		t.Errorf("%v, %v", got, err)
	}
	m.Clear()
	s.before = m.Clear
	for range 2 {
		if _, err := m.Remembered(t.Context(), behind, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if n, rooms := s.reads.Load(), s.rooms.Load(); n != 3 || rooms != 4 {
		t.Errorf("%d reads, and %d of rooms: what was read when something may have been lost was remembered", n, rooms)
	}
}

// history is one room, two instances that remember, and their users' markers.
type history struct {
	*storetest.Writer
	log       *sqlite.Store
	instances [2]*markers.Mentions
	late      [2][]store.Calling // news that an instance has not heard yet
	read      []uint32           // by user
	posted    []*store.Event
	deleted   map[uint32]bool
	head      uint32
}

func (h *history) add(t *testing.T, via int, e *store.Event) {
	t.Helper()
	h.Store(t, h.log)
	h.head = e.Seq
	if c, ok := e.Calling(); ok {
		h.instances[via].Changed(c) // its own it knows at once
		h.late[1-via] = append(h.late[1-via], c)
	}
}

func (h *history) calls(r *rand.Rand) (all []store.Mention) {
	for range r.IntN(3) {
		switch r.IntN(5) {
		case 0:
			all = append(all, store.Mention{Kind: store.MentionRoom})
		case 1:
			all = append(all, store.Mention{Kind: store.MentionHere})
		default:
			all = append(all, store.Mention{Kind: store.MentionUser, User: h.Users[r.IntN(len(h.Users))]})
		}
	}
	return all
}

func (h *history) play(t *testing.T, r *rand.Rand) {
	t.Helper()
	via := r.IntN(2)
	what := r.IntN(8)
	if len(h.posted) == 0 {
		what = 0
	}
	switch {
	case what < 3:
		e := h.Post(r.IntN(len(h.Users)), "hey")
		e.Mentions = h.calls(r)
		h.posted = append(h.posted, e)
		h.add(t, via, e)
	case what < 5:
		m := h.posted[r.IntN(len(h.posted))]
		if h.deleted[m.Seq] {
			return
		}
		author := slices.Index(h.Users, m.Actor.User)
		if what == 3 {
			e := h.Edit(author, m, "edited")
			e.Mentions = h.calls(r)
			h.add(t, via, e)
			return
		}
		h.deleted[m.Seq] = true
		h.add(t, via, h.Delete(author, m))
	case what == 5: // read, or marked unread
		h.read[r.IntN(len(h.read))] = r.Uint32N(h.head + 1)
	case what == 6:
		h.hear(r, via)
	default: // somebody comes back
		h.count(t, via, r.IntN(2) == 0)
	}
}

// hear brings an instance the news, in any order.
func (h *history) hear(r *rand.Rand, via int) {
	for _, i := range r.Perm(len(h.late[via])) {
		h.instances[via].Changed(h.late[via][i])
	}
	h.late[via] = nil
}

func (h *history) count(t *testing.T, via int, again bool) []uint32 {
	t.Helper()
	var behind []store.Behind
	for i, user := range h.Users {
		behind = append(behind, store.Behind{Reader: store.Reader{User: user, Room: h.Room}, Read: h.read[i], Head: h.head})
	}
	ask := h.instances[via].Remembered
	if again {
		ask = h.instances[via].Read
	}
	got, err := ask(t.Context(), behind, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var counts []uint32
	for _, b := range behind {
		counts = append(counts, got[b.Reader])
	}
	return counts
}

// recount counts from the log alone.
func (h *history) recount(t *testing.T) []uint32 {
	t.Helper()
	log, err := h.log.Events(t.Context(), h.Room, 0, 10_000, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	calls, author := map[uint32][]store.Mention{}, map[uint32]ids.User{}
	for _, e := range log.Events {
		switch e.Kind {
		case store.KindMessage:
			calls[e.Seq], author[e.Seq] = e.Mentions, e.Actor.User
		case store.KindEdited:
			calls[e.Target] = e.Mentions
		case store.KindDeleted:
			calls[e.Target] = nil
		}
	}
	counts := make([]uint32, len(h.Users))
	for i, user := range h.Users {
		for seq := range calls {
			called := slices.ContainsFunc(calls[seq], func(m store.Mention) bool { return m.Kind == store.MentionRoom || m.User == user })
			if called && seq > h.read[i] && author[seq] != user {
				counts[i]++
			}
		}
	}
	return counts
}

// Whatever happens, once the news are heard every instance counts what a recount of the log gives.
func TestMentionsEqualARecount(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			log, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "messages.db"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = log.Close() })
			h := &history{Writer: storetest.NewWriter(), log: log, deleted: map[uint32]bool{}}
			h.read = make([]uint32, len(h.Users))
			for i := range h.instances {
				h.instances[i] = markers.NewMentions(log, 1<<20)
			}
			r := rand.New(rand.NewPCG(seed, 0))
			for step := range 100 {
				h.play(t, r)
				if step%10 > 0 {
					continue
				}
				want := h.recount(t)
				for via := range h.instances {
					h.hear(r, via)
					if got := h.count(t, via, false); !slices.Equal(got, want) {
						t.Fatalf("step %d: instance %d counts %v, the log has %v (read %v of %d)", step, via, got, want, h.read, h.head)
					}
				}
			}
		})
	}
}
