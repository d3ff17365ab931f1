package session

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// flood is how many large events a socket's buffers and a queue do not take.
const flood = 1000

func (r *testRoom) commitLarge(n int) {
	content := strings.Repeat("x", 16<<10)
	for range n {
		r.append(&chatv1.Event{Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: content}}})
	}
}

// A client that stops reading is cut off, whether its queue runs over or a write takes too long, and costs others nothing.
func TestSlowReaderIsCutOff(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"queue runs over": func(c *Config) { c.WriteTimeout = time.Second },
		"write stalls":    func(c *Config) { c.WriteTimeout, c.QueueBytes = 300*time.Millisecond, 64<<20 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, change)
			slow, quick := shared.person(), shared.person()
			room := shared.room(0, slow, quick)
			g.connect(t, wire.JSON, slow)
			c, _ := g.connect(t, wire.Proto, quick)
			const step = 10
			for seq := uint32(1); seq < flood; seq += step {
				room.commitLarge(step)
				c.events(room, seq, seq+step-1)
			}
			g.ended(t, "slow_consumer", 1)
			c.sync()
			poll(t, "empty queues", func() bool { return g.srv.queued.Load() == 0 })
		})
	}
}

// A client that still reads, too slowly, is told why.
func TestSlowReaderIsTold(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.QueueBytes = 64 << 10 })
	p := shared.person()
	room := shared.room(0, p)
	c, _ := g.connect(t, wire.JSON, p)
	s := g.srv.all()[0]
	room.commitLarge(flood)
	poll(t, "the overflow", s.isEnding)
	all := c.closed(closeSlowConsumer)
	for i, f := range all {
		if f.GetEvent().GetSeq() != uint32(i+1) {
			t.Fatalf("frame %d is %v", i, f)
		}
	}
	// What it has is where it goes on.
	c, _ = g.connect(t, wire.JSON, p, cursor(room, uint32(len(all))))
	c.events(room, uint32(len(all)+1), flood)
}

func TestSilentPeerIsFound(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.WriteTimeout = 50 * time.Millisecond })
	reads, _ := g.connect(t, wire.JSON, shared.person())
	alive := g.srv.all()[0]
	answered := make(chan struct{})
	go func() { defer close(answered); alive.probe() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read := make(chan struct{})
	go func() { // a client that only listens answers pings
		defer close(read)
		_, _, _ = reads.ws.Read(ctx)
	}()
	<-answered
	if alive.isEnding() {
		t.Error("a listening client was cut off")
	}
	cancel()
	<-read
	g.ended(t, "client", 1)
	g.connect(t, wire.JSON, shared.person()) // does not read
	g.srv.all()[0].probe()
	g.ended(t, "idle", 1)
}

func TestDrain(t *testing.T) {
	t.Parallel()
	const window = 100 * time.Millisecond
	for name, sockets := range map[string]int{"no sockets": 0, "one": 1, "many": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, func(c *Config) { c.DrainWindow = window })
			clients := make([]*client, sockets)
			for i := range clients {
				if i%10 == 0 {
					clients[i] = g.dial(t, wire.JSON) // has not said hello yet
				} else {
					clients[i], _ = g.connect(t, wire.Encoding(i%2), shared.person())
				}
			}
			poll(t, "all sockets to be known", func() bool { return len(g.srv.all()) == sockets })
			slots := make([]uint32, sockets)
			var wg sync.WaitGroup
			for i, c := range clients {
				wg.Go(func() {
					if all := c.closed(closeDraining); len(all) == 1 && all[0].GetGoAway() != nil {
						slots[i] = all[0].GetGoAway().GetReconnectAfterMs()
					} else {
						t.Errorf("got %v, want goAway", all)
					}
				})
			}
			if err := g.drain(t.Context()); err != nil {
				t.Error(err)
			}
			wg.Wait()
			slices.Sort(slots)
			if distinct := len(slices.Compact(slices.Clone(slots))); distinct < sockets/3 || sockets > 1 && slots[sockets-1] < 90 {
				t.Errorf("%d slots: %v", distinct, slots)
			}
			res, err := http.Get("http" + strings.TrimPrefix(g.url, "ws"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a stopping gateway answered %s", res.Status)
			}
		})
	}
}

// Until its slot comes, a client of a gateway that drains is served as ever: it sends, and it hears of events and of rooms.
func TestServedUntilItsSlot(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.DrainWindow = time.Hour })
	p := shared.person()
	home, room := shared.room(1, p), shared.room(5)
	var clients []*client
	for range 2 {
		c, _ := g.connect(t, wire.JSON, p)
		clients = append(clients, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- g.drain(ctx) }()
	var later *client // has half an hour
	for _, c := range clients {
		if c.next().GetGoAway().GetReconnectAfterMs() > 0 {
			later = c
		}
	}
	poll(t, "the first one to go", func() bool { return len(g.srv.all()) == 1 || slices.ContainsFunc(g.srv.all(), (*session).isEnding) })
	room.admit(p)
	room.tell(t, p)
	if j := later.next().GetUserEvent().GetJoined(); j.GetRoom().GetId() != room.String() {
		t.Errorf("joined %v", j)
	}
	later.send(sendFrame(1, home, "n", "x"))
	later.answer(1)
	home.commit(1)
	room.commit(1)
	later.events(room, 6, 6)
	cancel() // no time left
	if err := <-drained; err == nil {
		t.Error("the hour was waited for")
	}
}

// Peers that do not answer do not hold up the end.
func TestCloseCutsOff(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.DrainWindow = time.Hour })
	for range 20 {
		g.connect(t, wire.JSON, shared.person())
	}
	refused := g.dial(t, wire.JSON)
	refused.send(ping(1)) // its close handshake is under way
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	closed := make(chan error, 1)
	go func() { closed <- g.drain(ctx) }()
	select {
	case err := <-closed:
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("close: %v", err)
		}
	case <-time.After(4 * time.Second): // a close handshake that nobody answers takes 5 s
		t.Errorf("close waits for peers that do not answer: %v", <-closed)
	}
	if n := len(g.srv.all()); n != 0 {
		t.Errorf("%d sessions left", n)
	}
	g.ended(t, "draining", 20)
}

// Nothing keeps a session whose connection has ended: no feed, no user, no timer.
func TestEndedSessionIsForgotten(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	room := shared.room(3, p)
	c, _ := g.connect(t, wire.JSON, p, cursor(room, 1))
	c.events(room, 2, 3)
	other, _ := g.connect(t, wire.JSON, p) // keeps the room and the user open
	kept := map[string]weak.Pointer[session]{}
	for _, s := range g.srv.all() {
		kept[s.id] = weak.Make(s)
	}
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	g.ended(t, "client", 1)
	poll(t, "the session to be collected", func() bool {
		runtime.GC()
		left := 0
		for _, s := range kept {
			if s.Value() != nil {
				left++
			}
		}
		return left == 1
	})
	other.sync()
	subscriptions := g.nc.NumSubscriptions()
	_ = other.ws.Close(websocket.StatusNormalClosure, "")
	poll(t, "the user to be unsubscribed", func() bool { return g.nc.NumSubscriptions() == subscriptions-1 }) // the room is kept a while
}

// Not parallel: it counts goroutines.
func TestStartStopLeavesNothing(t *testing.T) {
	p := shared.person()
	room := shared.room(3, p)
	before := runtime.NumGoroutine()
	for i := range 50 {
		g := newGateway(t, nil)
		c, _ := g.connect(t, wire.Encoding(i%2), p, cursor(room, 1))
		c.events(room, 2, 3)
		c.send(sendFrame(2, room, "n", "x"), fetchFrame(3, &clientv1.Fetch{RoomId: room.String()}), typingFrame(0, room.String(), true), readFrame(0, room.String(), 1))
		var reader sync.WaitGroup
		if i%3 == 0 {
			_ = c.ws.Close(websocket.StatusNormalClosure, "")
		} else {
			reader.Go(func() {
				for {
					if _, err := c.read(); err != nil {
						return
					}
				}
			})
		}
		if err := g.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := g.nc.NumSubscriptions(); n > 0 {
			t.Fatalf("%d subscriptions left", n)
		}
		reader.Wait()
		_ = c.ws.CloseNow()
		room.log(func(l *roomLog) { l.events = l.events[:3] })
	}
	poll(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func TestStormsEndOnce(t *testing.T) {
	t.Parallel()
	var s storms
	for i, tt := range []struct {
		accepted uint64
		over     bool
	}{
		{10, false}, {500, false}, {500, false}, // too few
		{5000, false}, {5900, false}, {5910, true}, {5910, false}, // once
		{6900, false}, {6905, false}, {6915, true},
	} {
		if over := s.isOver(tt.accepted); over != tt.over {
			t.Errorf("%d: after %d connections: %v", i, tt.accepted, over)
		}
	}
}
