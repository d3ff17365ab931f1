package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/mongo"
)

// step is where a fault is injected.
type step int32

const (
	nothing step = iota
	nonceLookup
	beforeAppend // nothing of it is stored
	lostAck      // it is stored, but nobody is told
	headRead
	targetRead
	steps
)

var errInjected = errors.New("injected")

// faulty is a store whose next call of one step fails.
type faulty struct {
	engine
	next atomic.Int32
}

func (f *faulty) arm(s step) { f.next.Store(int32(s)) }

func (f *faulty) fails(s step) bool { return f.next.CompareAndSwap(int32(s), int32(nothing)) }

func (f *faulty) FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error) {
	if f.fails(nonceLookup) {
		return nil, errInjected
	}
	return f.engine.FindNonces(ctx, keys)
}

func (f *faulty) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error) {
	if f.fails(headRead) {
		return nil, errInjected
	}
	return f.engine.Heads(ctx, rooms)
}

func (f *faulty) Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error) {
	if f.fails(targetRead) {
		return nil, errInjected
	}
	return f.engine.Targets(ctx, refs)
}

func (f *faulty) Append(ctx context.Context, batches []store.Batch) []error {
	outcomes := make([]error, len(batches))
	if !f.fails(beforeAppend) {
		outcomes = f.engine.Append(ctx, batches)
		if !f.fails(lostAck) {
			return outcomes
		}
	}
	for i := range outcomes {
		outcomes[i] = errInjected
	}
	return outcomes
}

// sent is a command and every answer it got.
type sent struct {
	command *busv1.Command
	answers []*busv1.Outcome
}

// history is two instances that both believe they own the room, and what their clients did.
type history struct {
	*fixture
	stores    [2]*faulty
	pipelines [2]*pipeline.Pipeline
	sent      []*sent
}

// attempts is how often a client tries before it gives up: more than there are faults in one step of a history.
const attempts = 6

// deliver sends a command as a client does: again, through the other instance, while the answer is `unavailable`.
func (h *history) deliver(s *sent, via int) {
	for range attempts {
		o := submit(h.pipelines[via%2], h.room, s.command)[0]
		s.answers = append(s.answers, o)
		if code(o) != fault.Unavailable {
			return
		}
		via++
	}
}

// play draws what happens next: commands of several clients at the same time, each through either instance, with a fault
// in each instance and sometimes on the bus.
func (h *history) play(r *rand.Rand) {
	var burst []*sent
	var via []int
	for range 1 + r.IntN(4) {
		if s := h.draw(r); s != nil && !slices.Contains(burst, s) {
			burst, via = append(burst, s), append(via, r.IntN(2))
		}
	}
	for i := range h.stores {
		h.stores[i].arm(step(r.IntN(int(steps))))
	}
	h.mu.Lock()
	h.silence = r.IntN(2)
	h.mu.Unlock()
	var wg sync.WaitGroup
	for i, s := range burst {
		wg.Go(func() { h.deliver(s, via[i]) })
	}
	wg.Wait()
}

// draw is one command: a new one, or an old one again; nil: nothing.
func (h *history) draw(r *rand.Rand) *sent {
	user, nonce := r.IntN(len(h.users)), fmt.Sprint("n", len(h.sent))
	target := uint32(1 + r.IntN(len(h.sent)+8))
	var c *busv1.Command
	switch what := r.IntN(16); {
	case what < 4:
		c = h.send(user, nonce, nonce)
	case what == 4:
		c = h.edit(user, nonce, target, fmt.Sprint("edited ", r.IntN(2)))
	case what == 5:
		c = h.delete(user, nonce, target)
	case what < 8:
		c = h.react(user, nonce, target, []string{"👍", "🎉"}[r.IntN(2)], r.IntN(2) == 0)
	case what == 8:
		c = h.join(user, []string{"member", "moderator"}[r.IntN(2)])
	case what == 9 && user > 0: // the owner stays
		c = h.leave(user, []string{"banned", "kicked"}[r.IntN(2)])
	case what < 13:
		c = h.reply(user, nonce, target)
	case what == 13:
		c = h.mute(1+r.IntN(4), time.Now().Add(time.Hour))
	case what == 14:
		c = h.update(&chatv1.RoomUpdated{IsArchived: r.IntN(4) == 0, IsAnnouncement: r.IntN(4) == 0})
	case len(h.sent) > 0:
		return h.sent[r.IntN(len(h.sent))]
	default:
		return nil
	}
	s := &sent{command: c}
	h.sent = append(h.sent, s)
	return s
}

// Two instances that both believe they own the room, with faults after each step: one dense order, each command once,
// every ack true, every reply in its place, and nobody is heard who may not write.
func TestTwoOwners(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		histories, steps int
		fresh            func(t *testing.T) func() engine
	}{
		"sqlite": {30, 30, func(t *testing.T) func() engine {
			path := dbPath(t)
			return func() engine { return openSQLite(t, path) }
		}},
		// Few and short ones: the stand-in for MongoDB reads everything for every question.
		"mongo": {4, 12, func(t *testing.T) func() engine {
			url := testkit.Mongo(t)
			return func() engine { return openMongo(t, url) }
		}},
	} {
		for seed := range uint64(tt.histories) {
			t.Run(fmt.Sprint(name, "/seed=", seed), func(t *testing.T) {
				t.Parallel()
				open := tt.fresh(t)
				h := &history{fixture: newFixture()}
				for i := range h.pipelines {
					h.stores[i] = &faulty{engine: open()}
					h.pipelines[i] = start(t, h.fixture, h.stores[i], 1+i)
				}
				r := rand.New(rand.NewPCG(seed, 0))
				for range tt.steps {
					h.play(r)
				}
				h.check(t, open())
			})
		}
	}
}

// check compares what is stored with what the clients were told.
func (h *history) check(t *testing.T, log engine) {
	t.Helper()
	events := whole(t, log, h.room)
	rules := newRules()
	byNonce := map[store.NonceKey]*store.Event{}
	messages := map[uint32]*store.Message{}
	var before store.Event
	for i, e := range events {
		if e.Seq != uint32(i+1) || e.CreatedAt < before.CreatedAt {
			t.Fatalf("event %d: %+v after %+v", i, e, before)
		}
		key := store.NonceKey{Room: e.Room, User: e.Actor.User, Nonce: e.Nonce}
		if was := byNonce[key]; was != nil {
			t.Errorf("nonce %s is at %d and at %d", e.Nonce, was.Seq, e.Seq)
		}
		byNonce[key] = e
		ordinal, version := before.Ordinal, before.Version
		switch e.Kind {
		case store.KindMessage:
			messages[e.Seq] = &store.Message{Event: e}
			if e.Thread == 0 {
				ordinal++
				break
			}
			root := messages[e.Thread]
			if root == nil || root.Event.Thread != 0 || root.DeletedSeq != 0 || e.ThreadOrdinal != root.Replies.Count+1 {
				t.Errorf("the reply %+v in the thread of %+v", e, root)
				continue
			}
			root.Apply(e)
		case store.KindMemberJoined, store.KindMemberLeft, store.KindRoomUpdated:
			version++
		default:
			if messages[e.Target] == nil {
				t.Errorf("%+v is about no message", e)
				continue
			}
			messages[e.Target].Apply(e)
		}
		if e.Ordinal != ordinal || e.Version != version {
			t.Errorf("event %d has ordinal %d, version %d; want %d, %d", e.Seq, e.Ordinal, e.Version, ordinal, version)
		}
		rules.check(t, e)
		before = *e
	}
	for _, s := range h.sent {
		h.checkAnswers(t, s, byNonce[store.NonceKey{Room: h.room, User: userOf(s.command), Nonce: s.command.GetNonce()}])
	}
	h.checkFolds(t, log, messages)
	for _, p := range h.published {
		if e := events[p.GetSeq()-1]; e.Nonce != p.GetNonce() || e.Actor.User.String() != p.GetActor().GetUserId() {
			t.Errorf("published %v, stored %+v", p, e)
		}
	}
}

// checkAnswers compares the answers to a command with its event, nil if there is none.
func (h *history) checkAnswers(t *testing.T, s *sent, e *store.Event) {
	t.Helper()
	acked := false
	for _, o := range s.answers {
		switch a := o.GetAck(); {
		case a != nil && e != nil:
			acked = true
			if a.GetSeq() != e.Seq || a.GetCreatedAt().AsTime().UnixMilli() != e.CreatedAt {
				t.Errorf("%v was acked %v, and is stored at %d", s.command, a, e.Seq)
			}
		case a != nil && (s.command.GetMessage() != nil || !a.GetDuplicate()):
			t.Errorf("%v was acked %v, and is not stored", s.command, a)
		case a == nil && acked && code(o) != fault.Unavailable:
			t.Errorf("%v was refused (%v) after it was acked", s.command, o.GetFault())
		}
	}
	// Stored but never acked: only when the client gave up while it was told `unavailable`.
	if last := s.answers[len(s.answers)-1]; e != nil && !acked && code(last) != fault.Unavailable {
		t.Errorf("%v is stored at %d, and was refused: %v", s.command, e.Seq, last.GetFault())
	}
}

// checkFolds compares history with the fold of the log.
func (h *history) checkFolds(t *testing.T, log engine, want map[uint32]*store.Message) {
	t.Helper()
	page, err := log.MessagesBefore(context.Background(), h.room, 1<<31, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	found := page.Messages
	for _, root := range page.Messages {
		if root.Replies.Count == 0 {
			continue
		}
		thread, err := log.RepliesAfter(context.Background(), store.Ref{Room: h.room, Seq: root.Event.Seq}, 0, 10_000)
		if err != nil || len(thread.Messages) != int(root.Replies.Count) {
			t.Errorf("thread %d has %d replies, %+v: %v", root.Event.Seq, len(thread.Messages), root.Replies, err)
		}
		found = append(found, thread.Messages...)
	}
	if len(found) != len(want) {
		t.Errorf("history has %d messages, the log %d", len(found), len(want))
	}
	for _, m := range found {
		w := want[m.Event.Seq]
		if m.Text() != w.Text() || m.DeletedSeq != w.DeletedSeq || m.AsOf != w.AsOf || m.Replies != w.Replies ||
			(len(m.Reactions) > 0 || len(w.Reactions) > 0) && !reflect.DeepEqual(m.Reactions, w.Reactions) {
			t.Errorf("message %d: %+v, want %+v", m.Event.Seq, m.Fold, w.Fold)
		}
	}
}

func userOf(c *busv1.Command) ids.User {
	id, err := ids.ParseUser(c.GetActor().GetUserId())
	if err != nil {
		return ids.User{} // finds nothing
	}
	return id
}

func openMongo(tb testing.TB, url string) *mongo.Store {
	tb.Helper()
	s, err := mongo.Open(context.Background(), url, "test", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
