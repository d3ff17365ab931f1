package feed

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/natter-chat/natter/pkg/ids"
)

// slowMember has room for a frame whenever the gate lets it.
type slowMember struct {
	*member
	gate chan struct{}
}

func (m slowMember) Drained(ctx context.Context) error {
	select {
	case <-m.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m slowMember) EnqueuePaced(ctx context.Context, f *Frame) error {
	if err := m.Drained(ctx); err != nil {
		return err
	}
	m.Enqueue(f)
	return nil
}

// A member that catches up for longer than an idle feed is kept must not end up in a feed that was closed meanwhile.
func TestJoinOutlivesTheSweeper(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	for range 30 {
		h.log.append(room, nil)
	}
	m := slowMember{newMember(), make(chan struct{})}
	joined := make(chan error)
	go func() { joined <- h.hub.Join(t.Context(), m, Cursor{Room: room, Resumed: true}) }()
	m.gate <- struct{}{}
	m.gate <- struct{}{} // the first of the missed events
	m.until(t, "the first event", func() bool { return len(m.seqs) == 1 })
	h.hub.sweepAt(time.Now().Add(2 * keepIdle))
	if h.hub.get(room) != nil {
		t.Fatal("the feed was not swept: the test shows nothing")
	}
	close(m.gate)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	h.publish(t, h.log.append(room, nil))
	m.wants(t, 1, 31)
}

// Out of the ring, too, catching up goes at the member's pace: nothing is queued beyond what it has room for but the few
// events that come with joining.
func TestJoinIsPacedOutOfTheRing(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	first := h.join(t, Cursor{Room: room})
	for range smallRing.RingEvents {
		h.publish(t, h.log.append(room, nil))
	}
	first.wants(t, 1, uint32(smallRing.RingEvents))
	m := slowMember{newMember(), make(chan struct{})}
	joined := make(chan error)
	go func() { joined <- h.hub.Join(t.Context(), m, Cursor{Room: room, Resumed: true}) }()
	m.gate <- struct{}{}
	for paced := range 3 {
		select {
		case m.gate <- struct{}{}:
		case err := <-joined:
			t.Fatalf("joined with %d events at once: %v", smallRing.RingEvents-paced, err)
		}
		m.until(t, "a paced event", func() bool { return len(m.seqs) == paced+1 })
	}
	close(m.gate)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	m.wants(t, 1, uint32(smallRing.RingEvents))
	if h.log.reads != 0 {
		t.Errorf("the store was read %d times", h.log.reads)
	}
	if hits := testutil.ToFloat64(h.hub.metrics.ringHits); hits != 1 {
		t.Errorf("%v resumes from the ring, want this one", hits)
	}
}

// A member that joins again starts again at the cursor, and gets nothing else meanwhile.
func TestJoinAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	for range 30 {
		h.log.append(room, nil)
	}
	m := slowMember{newMember(), make(chan struct{}, 1)}
	m.gate <- struct{}{}
	if err := h.hub.Join(t.Context(), m, Cursor{Room: room, Seq: 30}); err != nil {
		t.Fatal(err)
	}
	witness := h.join(t, Cursor{Room: room, Seq: 30})
	joined := make(chan error)
	go func() { joined <- h.hub.Join(t.Context(), m, Cursor{Room: room, Seq: 5, Resumed: true}) }()
	m.gate <- struct{}{}
	m.gate <- struct{}{}
	m.until(t, "the first event", func() bool { return len(m.seqs) == 1 })
	h.publish(t, h.log.append(room, nil))
	witness.wants(t, 31, 31)
	close(m.gate)
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	m.wants(t, 6, 31)
}

// Join ends with its context, and leaves no member behind.
func TestJoinCancelled(t *testing.T) {
	t.Parallel()
	h := newHarness(t, smallRing)
	room := ids.New[ids.Room]()
	for range 30 {
		h.log.append(room, nil)
	}
	for name, start := range map[string]func(context.Context) error{
		"queue full": func(ctx context.Context) error {
			return h.hub.Join(ctx, slowMember{newMember(), make(chan struct{})}, Cursor{Room: room})
		},
		"store away": func(ctx context.Context) error {
			return h.hub.Join(ctx, newMember(), Cursor{Room: ids.New[ids.Room]()})
		},
		"store away, cursor ahead": func(ctx context.Context) error {
			return h.hub.Join(ctx, newMember(), Cursor{Room: room, Seq: 99})
		},
		"store away, events missing": func(ctx context.Context) error {
			return h.hub.Join(ctx, newMember(), Cursor{Room: room, Seq: 1})
		},
	} {
		h.log.fail(nil)
		if _, err := h.hub.open(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		h.log.fail(errors.New("no database"))
		ctx, cancel := context.WithCancel(t.Context())
		joined := make(chan error)
		go func() { joined <- start(ctx) }()
		cancel()
		if err := <-joined; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.log.fail(nil)
	f := h.hub.get(room)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.members) != 0 {
		t.Errorf("%d members left", len(f.members))
	}
}
