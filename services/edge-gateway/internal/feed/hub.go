// Package feed brings the events of rooms to the connections of this gateway.
//
//	natter.room.<room>.event ──▶ lane ──▶ feed: seq == last+1 → deliver; ≤ last → drop; > last+1 → fill the gap
//	                                       │
//	       ring of the last events ◀───────┼──▶ every member's queue (encoded once, never blocks)
//	                 │                     │
//	Join(cursor) ────┴─ the missed events, then live ones, under the feed's lock: no hole, no repeat
//
// A room has a feed, and the gateway one subscription for it, from the first local member until a minute after the last.
// The bus may lose anything; what is lost is noticed by a gap, a beacon, or by asking message-store for heads: when a feed
// starts and a second later, after a reconnect, after a dropped message, and when an instance of message-store comes or goes.
package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Config is the settings of feeds.
type Config struct {
	RingEvents   int          `env:"NATTER_RING_EVENTS" envDefault:"128" help:"events kept in memory per active room, for clients that come back"`
	RingBytes    config.Bytes `env:"NATTER_RING_BYTES" envDefault:"64KiB" help:"memory for them, per room"`
	ResumeEvents uint32       `env:"NATTER_RESUME_EVENTS" envDefault:"1000" help:"a client that missed more than this in a room gets a reset for it"`
}

const (
	// lanes share out the rooms: a room's events stay in order on one, and rooms do not wait for each other.
	lanes = 4
	// laneMessages bounds a lane. When it is full NATS drops, says so, and the rooms are asked for again.
	laneMessages = 8192
	// keepIdle is how long a room without local members stays subscribed: people come back.
	keepIdle = time.Minute
	// sweepEvery is how often idle feeds are looked for.
	sweepEvery = 10 * time.Second
	// recheckEvery is how often heads are asked for, of the rooms in doubt.
	recheckEvery = time.Second
	// headsPerCall is the limit of GetHeads.
	headsPerCall = 500
	// retryPause is between two tries of a read that failed.
	retryPause = 250 * time.Millisecond
	// flushTime bounds the wait for the bus to know of a subscription. If it is away, the reconnect asks for the heads.
	flushTime = 2 * time.Second
)

// Log is message-store, as feeds need it.
type Log interface {
	// Events returns events above a seq, in order, and at least one if there is one.
	Events(ctx context.Context, room ids.Room, after uint32) ([]*chatv1.Event, error)
	// Heads returns the seq of the last event of each room that has any.
	Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error)
}

// Hub holds the feeds of a gateway. It is safe for concurrent use. Lock order: Hub.mu → feed.mu → a member's own.
type Hub struct {
	cfg     Config
	nc      *nats.Conn
	store   Log
	log     *slog.Logger
	metrics metrics
	flights singleflight.Group
	lanes   [lanes]chan *nats.Msg

	ctx    context.Context //nolint:containedctx // ends with Close: the life of the goroutines below
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{} // recheck now

	watches []*nats.Subscription

	mu    sync.RWMutex
	feeds map[ids.Room]*entry
	doubt map[ids.Room]struct{} // rooms whose head is to be asked for
}

type entry struct {
	*feed
	sub *nats.Subscription
}

// NewHub starts the lanes and the sweeper. Close ends them.
func NewHub(cfg Config, nc *nats.Conn, store Log, log *slog.Logger, reg prometheus.Registerer) (*Hub, error) {
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hub{
		cfg: cfg, nc: nc, store: store, log: log, metrics: m, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1),
		feeds: map[ids.Room]*entry{}, doubt: map[ids.Room]struct{}{},
	}
	for i := range h.lanes {
		h.lanes[i] = make(chan *nats.Msg, laneMessages)
		h.wg.Go(func() { h.runLane(h.lanes[i]) })
	}
	h.wg.Go(h.sweep)
	h.wg.Go(h.recheck)
	if err := h.watch(); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close unsubscribes everything and waits for the hub's goroutines. An error of Unsubscribe means that the connection is
// closed, which ends subscriptions too.
func (h *Hub) Close() {
	h.mu.Lock()
	for _, sub := range h.watches {
		_ = sub.Unsubscribe()
	}
	for room, e := range h.feeds {
		_ = e.sub.Unsubscribe()
		delete(h.feeds, room)
	}
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

// Subscribe opens feeds for these rooms. After it, no event can be missed that a head asked for now does not cover:
// the caller asks for the heads and calls Start. If it does not, the hub asks by itself within a second.
func (h *Hub) Subscribe(ctx context.Context, rooms []ids.Room) error {
	isNew := false
	h.mu.Lock()
	for _, room := range rooms {
		e, ok := h.feeds[room]
		if ok {
			e.touch()
			continue
		}
		sub, err := h.nc.ChanSubscribe(subject.RoomAll(room), h.lanes[int(room[len(room)-1])%lanes])
		if err != nil {
			h.mu.Unlock()
			return fmt.Errorf("subscribe to a room: %w", err)
		}
		h.feeds[room] = &entry{feed: newFeed(h, room), sub: sub}
		h.doubt[room] = struct{}{}
		isNew = true
	}
	h.metrics.feeds.Set(float64(len(h.feeds)))
	h.mu.Unlock()
	if !isNew {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	return h.nc.FlushWithContext(ctx)
}

// Start makes the feeds of these rooms live at their heads; those that are live already learn of a higher head.
func (h *Hub) Start(heads map[ids.Room]uint32) {
	for room, head := range heads {
		if f := h.get(room); f != nil {
			f.start(head)
		}
	}
}

// open returns the live feed of a room. It tries until ctx ends.
func (h *Hub) open(ctx context.Context, room ids.Room) (*feed, error) {
	for {
		err := h.Subscribe(ctx, []ids.Room{room})
		f := h.get(room)
		if err == nil && f != nil && !f.isStarted() {
			var heads map[ids.Room]uint32
			if heads, err = h.store.Heads(ctx, []ids.Room{room}); err == nil {
				f.start(heads[room])
			}
		}
		if err == nil && f != nil {
			return f, nil
		}
		if err != nil {
			h.log.Warn("cannot open a room; trying again", "room", room, "error", err)
		}
		if err := pause(ctx, retryPause); err != nil {
			return nil, err
		}
	}
}

func (h *Hub) get(room ids.Room) *feed {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if e, ok := h.feeds[room]; ok {
		return e.feed
	}
	return nil
}

// Resync asks for the heads of all rooms: the bus may have lost something.
func (h *Hub) Resync() {
	h.mu.Lock()
	for room := range h.feeds {
		h.doubt[room] = struct{}{}
	}
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default: // it wakes already
	}
}

// notice tells that a room's log has reached a seq, as a beacon said. An event that is on its way arrives first, mostly;
// so the head is only put in doubt, and asked for within a second.
func (h *Hub) notice(room ids.Room, seq uint32) {
	f := h.get(room)
	if f == nil || !f.behind(seq) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.doubt[room] = struct{}{}
}

// recheck asks for the heads of the rooms in doubt.
func (h *Hub) recheck() {
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		case <-h.wake:
		}
		for batch := range slices.Chunk(h.takeDoubts(), headsPerCall) {
			heads, err := h.store.Heads(h.ctx, batch)
			if err != nil {
				h.log.Warn("cannot ask for heads; trying again", "rooms", len(batch), "error", err)
			}
			for _, room := range batch {
				if err != nil {
					h.mu.Lock()
					h.doubt[room] = struct{}{}
					h.mu.Unlock()
				} else if f := h.get(room); f != nil {
					f.start(heads[room])
				}
			}
		}
	}
}

// takeDoubts returns the rooms in doubt that are still open, and forgets the doubts.
func (h *Hub) takeDoubts() []ids.Room {
	h.mu.Lock()
	defer h.mu.Unlock()
	rooms := make([]ids.Room, 0, len(h.doubt))
	for room := range h.doubt {
		if _, ok := h.feeds[room]; ok {
			rooms = append(rooms, room)
		}
	}
	clear(h.doubt)
	return rooms
}

// sweep closes the feeds that nobody listens to.
func (h *Hub) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case now := <-tick.C:
			h.sweepAt(now)
		}
	}
}

func (h *Hub) sweepAt(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for room, e := range h.feeds {
		if !e.forget(now, keepIdle) {
			continue
		}
		delete(h.feeds, room)
		if err := e.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
			h.log.Warn("cannot unsubscribe a room", "room", room, "error", err)
		}
	}
	h.metrics.feeds.Set(float64(len(h.feeds)))
}

// fetch reads a page of events above a seq.
func (h *Hub) fetch(room ids.Room, after uint32) ([]*chatv1.Event, error) {
	return h.store.Events(h.ctx, room, after)
}

// fetchFrames is fetch for members that catch up: the frames are encoded once for all of them.
func (h *Hub) fetchFrames(room ids.Room, after uint32) ([]*Frame, error) {
	events, err := h.fetch(room, after)
	if err != nil {
		return nil, err
	}
	frames := make([]*Frame, 0, len(events))
	for i, ev := range events {
		if ev.GetSeq() != after+1+uint32(i) {
			return nil, fmt.Errorf("event %d follows %d", ev.GetSeq(), after+uint32(i))
		}
		frames = append(frames, newEventFrame(ev, nil))
	}
	return frames, nil
}

// pause waits for about d, or until ctx ends; many that wait do not wake together.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
