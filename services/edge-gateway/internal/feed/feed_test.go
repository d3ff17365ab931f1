package feed

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// committed is the far end of a feed: what message-store answers, from the events that a test has committed.
type committed struct {
	mu     sync.Mutex
	rooms  map[ids.Room][]*chatv1.Event
	reads  int
	failed error
	page   int
}

func (c *committed) Events(_ context.Context, room ids.Room, after uint32) ([]*chatv1.Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	events := c.rooms[room]
	if c.failed != nil || int(after) >= len(events) {
		return nil, c.failed
	}
	return slices.Clone(events[after:min(int(after)+c.page, len(events))]), nil
}

func (c *committed) Heads(_ context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	heads := map[ids.Room]uint32{}
	for _, room := range rooms {
		if n := len(c.rooms[room]); n > 0 {
			heads[room] = uint32(n)
		}
	}
	return heads, c.failed
}

func (c *committed) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = err
}

// append commits an event; set fills in its body.
func (c *committed) append(room ids.Room, set func(*chatv1.Event)) *chatv1.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	ev := &chatv1.Event{
		RoomId: room.String(), Seq: uint32(len(c.rooms[room]) + 1), CreatedAt: timestamppb.Now(),
		Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hello", Type: "text"}},
	}
	if set != nil {
		set(ev)
	}
	c.rooms[room] = append(c.rooms[room], ev)
	return ev
}

// member records what a connection would be sent.
type member struct {
	user ids.User
	mu   sync.Mutex
	seqs []uint32 // of events
	last []*Frame
	up   uint32 // seq of caughtUp
	head uint32 // headSeq of reset
	left bool
	gone bool          // the room was deleted
	more chan struct{} // a token when something came
}

func newMember() *member { return &member{user: ids.New[ids.User](), more: make(chan struct{}, 1)} }

func (m *member) User() ids.User                    { return m.user }
func (m *member) Drained(ctx context.Context) error { return ctx.Err() }

func (m *member) EnqueuePaced(ctx context.Context, f *Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.Enqueue(f)
	return nil
}

func (m *member) Enqueue(f *Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = append(m.last, f)
	frame := f.content.Load().frame
	if ev := frame.GetEvent(); ev != nil {
		m.seqs = append(m.seqs, ev.GetSeq())
	}
	m.up = max(m.up, frame.GetCaughtUp().GetSeq())
	m.head = max(m.head, frame.GetReset_().GetHeadSeq())
	m.wake()
}

func (m *member) Left(ids.Room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = true
	m.wake()
}

func (m *member) Deleted(ids.Room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	m.wake()
}

func (m *member) wake() {
	select {
	case m.more <- struct{}{}:
	default:
	}
}

// until waits until cond holds; it is asked whenever something came.
func (m *member) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		m.mu.Lock()
		ok := cond()
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-m.more:
		case <-deadline:
			t.Fatalf("timed out waiting for %s; got seqs %v, reset %d, left %v", what, m.seqs, m.head, m.left)
		}
	}
}

// wants waits for the events from first to last and nothing else, in order, each once.
func (m *member) wants(t *testing.T, first, last uint32) {
	t.Helper()
	m.until(t, "the last event", func() bool { return len(m.seqs) > 0 && m.seqs[len(m.seqs)-1] >= last })
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, seq := range m.seqs {
		if seq != first+uint32(i) {
			t.Fatalf("got %v, want %d … %d", m.seqs, first, last)
		}
	}
	if got := m.seqs[len(m.seqs)-1]; got != last {
		t.Fatalf("last event %d, want %d", got, last)
	}
}

type harness struct {
	hub *Hub
	log *committed
	nc  *nats.Conn
}

func newHarness(tb testing.TB, cfg Config) *harness {
	tb.Helper()
	nc, err := nats.Connect(testkit.NATS(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	log := &committed{rooms: map[ids.Room][]*chatv1.Event{}, page: 10}
	hub, err := NewHub(cfg, nc, log, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(hub.Close)
	return &harness{hub, log, nc}
}

var smallRing = Config{RingEvents: 8, RingBytes: 1 << 20, ResumeEvents: 100}

func (h *harness) publish(tb testing.TB, ev *chatv1.Event) {
	tb.Helper()
	data, err := proto.Marshal(ev)
	if err != nil {
		tb.Fatal(err)
	}
	if err := h.nc.Publish("natter.room."+ev.GetRoomId()+".event", data); err != nil {
		tb.Fatal(err)
	}
}

func (h *harness) join(tb testing.TB, c Cursor) *member {
	tb.Helper()
	m := newMember()
	if err := h.hub.Join(tb.Context(), m, c); err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestJoinDeliversWhatWasMissedThenLiveEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	for range 30 {
		h.log.append(room, nil)
	}
	old := h.join(t, Cursor{Room: room, Seq: 5, Resumed: true}) // beyond the ring: read from the store
	fresh := h.join(t, Cursor{Room: room, Seq: 30})
	for range 5 {
		h.publish(t, h.log.append(room, nil))
	}
	old.wants(t, 6, 35)
	fresh.wants(t, 31, 35)
	if old.up != 30 || fresh.up != 0 {
		t.Errorf("caughtUp at %d and %d, want 30 and none", old.up, fresh.up)
	}
	before := h.log.reads
	near := h.join(t, Cursor{Room: room, Seq: 31, Resumed: true})
	near.wants(t, 32, 35)
	if h.log.reads != before {
		t.Errorf("a resume inside the ring read the store %d times", h.log.reads-before)
	}
}

func TestJoinResets(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	for range 150 {
		h.log.append(room, nil)
	}
	for name, c := range map[string]Cursor{
		"too old":              {Room: room, Seq: 10, Resumed: true},
		"ahead of the head":    {Room: room, Seq: 151, Resumed: true},
		"of another epoch":     {Room: room, Seq: 149, Resumed: true, Reset: true},
		"ahead of a dead room": {Room: ids.New[ids.Room](), Seq: 3, Resumed: true},
	} {
		m := h.join(t, c)
		want := uint32(150)
		if c.Room != room {
			want = 0
		}
		if len(m.last) != 1 || m.head != want || len(m.seqs) != 0 {
			t.Errorf("%s: reset at %d with %d frames, want only a reset at %d", name, m.head, len(m.last), want)
		}
	}
	m := h.join(t, Cursor{Room: room, Seq: 10, Resumed: true})
	h.publish(t, h.log.append(room, nil))
	m.wants(t, 151, 151)
}

// A client that comes from a faster gateway has a cursor that this one has not reached: no reason for a reset.
func TestJoinWaitsForAFeedThatIsBehind(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	h.log.append(room, nil)
	first := h.join(t, Cursor{Room: room, Seq: 1})
	h.log.append(room, nil) // committed; this gateway has not heard of it
	h.log.append(room, nil)
	m := h.join(t, Cursor{Room: room, Seq: 3, Resumed: true})
	if m.head != 0 || m.up != 3 {
		t.Errorf("reset at %d, caught up at %d; want no reset, 3", m.head, m.up)
	}
	first.wants(t, 2, 3)
}

func TestLostRepeatedAndSwappedEvents(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		room := ids.New[ids.Room]()
		h.log.append(room, nil)
		type joined struct {
			*member
			from uint32
		}
		all := []joined{{h.join(t, Cursor{Room: room, Seq: 1}), 2}}
		var held []*chatv1.Event
		const events = 200
		for i := range uint32(events) {
			ev := h.log.append(room, nil)
			switch rng.IntN(6) {
			case 0: // lost
			case 1: // twice
				h.publish(t, ev)
				h.publish(t, ev)
			case 2: // late
				held = append(held, ev)
			default:
				h.publish(t, ev)
			}
			if rng.IntN(10) == 0 {
				from := uint32(rng.IntN(int(i + 2)))
				if i+2-from < smallRing.ResumeEvents {
					all = append(all, joined{h.join(t, Cursor{Room: room, Seq: from, Resumed: true}), from + 1})
				}
			}
			if rng.IntN(8) == 0 {
				for _, ev := range held {
					h.publish(t, ev)
				}
				held = nil
			}
		}
		h.publish(t, h.log.append(room, nil))
		for _, m := range all {
			m.wants(t, m.from, events+2)
		}
	}
}

func TestLastEventThatWasNeverPublished(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"beacon", "resync", "new instance"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, smallRing)
			room := ids.New[ids.Room]()
			h.log.append(room, nil)
			m := h.join(t, Cursor{Room: room, Seq: 1})
			// The recheck a second after the start must not be what finds it.
			m.until(t, "the recheck", func() bool {
				m.wake()
				h.hub.mu.Lock()
				defer h.hub.mu.Unlock()
				return len(h.hub.doubt) == 0
			})
			h.log.append(room, nil)
			var data []byte
			switch how {
			case "beacon":
				data, _ = proto.Marshal(&busv1.Beacon{Heads: []*busv1.RoomHead{{RoomId: room.String(), Seq: 2}}})
				_ = h.nc.Publish(subject.Head(subject.Partition(room)), data)
			case "resync":
				h.hub.Resync()
			case "new instance":
				data, _ = proto.Marshal(&busv1.Heartbeat{InstanceId: "a"})
				_ = h.nc.Publish(subject.Live("message-store"), data)
			}
			m.wants(t, 2, 2)
		})
	}
}

func TestStoreAwayDelaysAndLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	h.log.append(room, nil)
	m := h.join(t, Cursor{Room: room, Seq: 1})
	h.log.fail(errors.New("no database"))
	h.log.append(room, nil)
	h.publish(t, h.log.append(room, nil)) // 2 is missing
	joined := make(chan *member)
	go func() { joined <- h.join(t, Cursor{Room: room, Seq: 0, Resumed: true}) }()
	h.log.fail(nil)
	m.wants(t, 2, 3)
	(<-joined).wants(t, 1, 3)
}

func memberLeft(user ids.User) func(*chatv1.Event) {
	return func(ev *chatv1.Event) {
		ev.Body = &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: &chatv1.UserRef{Id: user.String()}, Reason: "kicked"}}
	}
}

func TestRemovedUserGetsNothingMore(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	h.log.append(room, nil)
	kicked, other := h.join(t, Cursor{Room: room, Seq: 1}), h.join(t, Cursor{Room: room, Seq: 1})
	h.publish(t, h.log.append(room, memberLeft(kicked.user)))
	h.publish(t, h.log.append(room, nil))
	other.wants(t, 2, 3)
	kicked.wants(t, 2, 2)
	if !kicked.left {
		t.Error("the kicked member was not told")
	}

	// Another connection of the same user was being set up: it had read its membership at head 1.
	late := &member{user: kicked.user, more: make(chan struct{}, 1)}
	if err := h.hub.Join(t.Context(), late, Cursor{Room: room, Seq: 1, MemberAt: 1}); err != nil || !late.left {
		t.Errorf("join after the removal: %v, left %v", err, late.left)
	}
	// A user who came back is let in, though the removal is remembered.
	back := &member{user: kicked.user, more: make(chan struct{}, 1)}
	if err := h.hub.Join(t.Context(), back, Cursor{Room: room, Seq: 3, MemberAt: 3}); err != nil || back.left {
		t.Errorf("join after coming back: %v, left %v", err, back.left)
	}
}

func TestDeletedContentLeavesTheRing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	h.log.append(room, nil)
	first := h.join(t, Cursor{Room: room, Seq: 1})
	h.publish(t, h.log.append(room, func(ev *chatv1.Event) { ev.GetMessage().Content = "secret" }))
	h.publish(t, h.log.append(room, func(ev *chatv1.Event) {
		ev.Body = &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: 2, Content: "secret too"}}
	}))
	first.wants(t, 2, 3)
	queued := first.last[0] // a frame that still waits in a slow connection's queue
	if got := string(queued.Bytes(wire.JSON)); !strings.Contains(got, "secret") {
		t.Fatalf("before the deletion: %s", got)
	}
	h.publish(t, h.log.append(room, func(ev *chatv1.Event) {
		ev.Body = &chatv1.Event_Deleted{Deleted: &chatv1.MessageDeleted{Seq: 2}}
	}))
	first.wants(t, 2, 4)
	second := h.join(t, Cursor{Room: room, Seq: 1, Resumed: true})
	second.wants(t, 2, 4)
	for _, f := range append(second.last, queued) {
		for _, e := range []wire.Encoding{wire.JSON, wire.Proto} {
			if strings.Contains(string(f.Bytes(e)), "secret") {
				t.Errorf("deleted content is still sent: %q", f.Bytes(e))
			}
		}
	}
}

func TestDeletedRoom(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	h.log.append(room, nil)
	a, b := h.join(t, Cursor{Room: room, Seq: 1}), h.join(t, Cursor{Room: room, Seq: 1})
	h.publish(t, h.log.append(room, func(ev *chatv1.Event) { ev.GetMessage().Content, ev.GetMessage().Thread = "secret", 1 }))
	h.publish(t, h.log.append(room, func(ev *chatv1.Event) {
		ev.Body = &chatv1.Event_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{IsDeleted: true}}
	}))
	for _, m := range []*member{a, b} {
		m.until(t, "the end of the room", func() bool { return m.gone })
		m.wants(t, 2, 3)
		if got := string(m.last[0].Bytes(wire.JSON)); strings.Contains(got, "secret") || !strings.Contains(got, `"thread":1`) {
			t.Errorf("still queued: %s", got)
		}
	}
	late := newMember()
	if err := h.hub.Join(t.Context(), late, Cursor{Room: room, Seq: 1, MemberAt: 3, Resumed: true}); err != nil || !late.gone || len(late.last) > 0 {
		t.Errorf("join of a deleted room: %v, gone %v, got %d frames", err, late.gone, len(late.last))
	}
	h.hub.sweepAt(time.Now())
	if h.hub.get(room) != nil {
		t.Error("the feed of a deleted room is kept")
	}
}

func TestIdleRoomsAreUnsubscribed(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	m := h.join(t, Cursor{Room: room})
	h.hub.sweepAt(time.Now().Add(2 * keepIdle))
	if h.hub.get(room) == nil {
		t.Fatal("a room with a member was closed")
	}
	h.hub.Leave(room, m)
	h.hub.sweepAt(time.Now())
	if h.hub.get(room) == nil {
		t.Fatal("a room was closed at once")
	}
	base := h.nc.NumSubscriptions()
	h.hub.sweepAt(time.Now().Add(2 * keepIdle))
	if h.hub.get(room) != nil || h.nc.NumSubscriptions() != base-1 {
		t.Errorf("the idle room is still open; %d subscriptions, had %d", h.nc.NumSubscriptions(), base)
	}
}
