package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// clock is the time of the limits of one gateway. It stands still but for advance.
type clock struct{ nanos atomic.Int64 }

func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// newLimited starts a gateway behind a proxy, on this machine, with a clock of its own.
func newLimited(tb testing.TB, change func(*Config)) (*gateway, *clock) {
	tb.Helper()
	g := newGateway(tb, func(c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		change(c)
	})
	c := &clock{}
	g.srv.limits.now = func() time.Time { return time.Unix(0, c.nanos.Load()) }
	return g, c
}

// knock connects from an address, through the proxy, and returns what the gateway answered; the client is nil when it was
// refused.
func (g *gateway) knock(tb testing.TB, address string) (*client, *http.Response) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	header := http.Header{}
	if address != "" {
		header.Set("X-Forwarded-For", address)
	}
	ws, res, err := websocket.Dial(ctx, g.url, &websocket.DialOptions{HTTPHeader: header})
	if res == nil {
		tb.Fatalf("no answer: %v", err)
	}
	if err != nil {
		return nil, res
	}
	tb.Cleanup(func() { _ = ws.CloseNow() })
	return &client{tb: tb, ws: ws}, res
}

// enter is knock with a hello.
func (g *gateway) enter(tb testing.TB, address string, p *person) *client {
	tb.Helper()
	c, res := g.knock(tb, address)
	if c == nil {
		tb.Fatalf("refused: %s", res.Status)
	}
	c.hello(&clientv1.Hello{Token: p.token(tb, time.Hour)})
	if f := c.next(); f.GetWelcome() == nil {
		tb.Fatalf("got %v", f)
	}
	return c
}

// leave closes the connection and waits for the gateway to notice.
func (g *gateway) leave(tb testing.TB, c *client, times int) {
	tb.Helper()
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	g.ended(tb, "client", times)
}

// isLimited pings, and reports whether that is refused for a while.
func (c *client) isLimited(tb testing.TB) bool {
	tb.Helper()
	const id = 77
	c.send(ping(id))
	f := c.answer(id)
	if f.GetPong() == nil && (f.GetError().GetCode() != "resource_exhausted" || f.GetError().GetRetryAfterMs() == 0) {
		tb.Errorf("got %v", f)
	}
	return f.GetError() != nil
}

func TestEveryFrameCounts(t *testing.T) {
	t.Parallel()
	g, clock := newLimited(t, func(c *Config) { c.FrameRateConnection = ratelimit.Rate{Count: 2, Per: time.Hour} })
	p := shared.person()
	room := shared.room(1, p)
	for name, send := range map[string]func(*client){
		"ping":   func(c *client) { c.send(ping(0)) },
		"send":   func(c *client) { c.send(sendFrame(0, room, "n", "hi")) },
		"fetch":  func(c *client) { c.send(fetchFrame(3, &clientv1.Fetch{RoomId: room.String()})) },
		"typing": func(c *client) { c.send(typingFrame(0, room.String(), true)) },
		"read":   func(c *client) { c.send(readFrame(0, room.String(), 1)) },
		"resume": func(c *client) {
			c.send(&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{}}})
		},
		"hello":   func(c *client) { c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)}) },
		"unknown": func(c *client) { c.raw([]byte(`{"dance":{}}`)) },
		"garbage": func(c *client) { c.raw([]byte(`{"id":`)) },
		"empty":   func(c *client) { c.raw(nil) },
		"blank":   func(c *client) { c.raw([]byte("\n \n")) },
	} {
		c, _ := g.connect(t, wire.JSON, p)
		send(c)
		if c.isLimited(t) {
			t.Errorf("%s and a ping are refused", name)
		}
		if !c.isLimited(t) {
			t.Errorf("%s does not count", name)
		}
		clock.advance(30 * time.Minute)
		if c.isLimited(t) {
			t.Errorf("%s: refused when its wait is over", name)
		}
	}
}

func TestRefusalSaysHowLong(t *testing.T) {
	t.Parallel()
	g, clock := newLimited(t, func(c *Config) { c.FrameRateConnection = ratelimit.Rate{Count: 4, Per: 10 * time.Second} })
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		c, _ := g.connect(t, e, shared.person())
		c.send(ping(2), ping(3), ping(4), ping(5), ping(6))
		if f := c.answer(6); f.GetError().GetCode() != "resource_exhausted" || f.GetError().GetRetryAfterMs() != 2500 {
			t.Errorf("got %v, want to wait 2.5 s", f)
		}
	})
	c, _ := g.connect(t, wire.JSON, shared.person())
	c.send(ping(2), ping(3), ping(4), ping(5))
	c.answer(5)
	clock.advance(2499*time.Millisecond + time.Microsecond)
	c.send(ping(6))
	if f := c.answer(6); f.GetError().GetRetryAfterMs() != 1 {
		t.Errorf("got %v, want to wait less than a millisecond", f) // 0 would be "not said"
	}
}

// A ping of the WebSocket itself is answered, but not any number of them.
func TestControlFramesCount(t *testing.T) {
	t.Parallel()
	g, _ := newLimited(t, func(c *Config) { c.FrameRateConnection = ratelimit.Rate{Count: 1, Per: time.Hour} })
	c, _ := g.connect(t, wire.JSON, shared.person())
	refused := make(chan *clientv1.ServerFrame, 1)
	go func() {
		f, _ := c.read()
		refused <- f
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.ws.Ping(ctx); err != nil {
		t.Errorf("the first ping: %v", err)
	}
	unanswered := make(chan error, 1)
	go func() { unanswered <- c.ws.Ping(ctx) }()
	if f := <-refused; f.GetError().GetCode() != "resource_exhausted" {
		t.Errorf("got %v", f)
	}
	cancel()
	if <-unanswered == nil {
		t.Error("the second ping was answered")
	}
}

// Who goes on is answered a number of times, and then sent away for a while; others are not concerned.
func TestWhoDoesNotHeedTheLimitIsCutOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate   ratelimit.Rate
		reason string
	}{
		{ratelimit.Rate{Count: 10, Per: 10 * time.Second}, "rate limited: retry after 10s"},
		{ratelimit.Rate{Count: 10, Per: 20 * time.Minute}, "rate limited: retry after 2m0s"},
	} {
		g, _ := newLimited(t, func(c *Config) { c.FrameRateConnection = tt.rate })
		p := shared.person()
		calm, _ := g.connect(t, wire.JSON, p)
		wild, _ := g.connect(t, wire.JSON, p)
		pings := make([]*clientv1.ClientFrame, 1000)
		for i := range pings {
			pings[i] = ping(uint32(i + 1))
		}
		wild.send(pings...)
		var pongs, refused int
		var err error
		for {
			var f *clientv1.ServerFrame
			if f, err = wild.read(); err != nil {
				break
			}
			if f.GetPong() != nil {
				pongs++
			} else if f.GetError().GetCode() == "resource_exhausted" {
				refused++
			}
		}
		if pongs != tt.rate.Count || refused != refusals.Count {
			t.Errorf("%d pongs, %d refusals", pongs, refused)
		}
		if end, _ := errors.AsType[websocket.CloseError](err); end.Code != closeLimited || end.Reason != tt.reason {
			t.Errorf("ended with %v, want %s", err, tt.reason)
		}
		g.ended(t, "rate_limited", 1)
		if calm.isLimited(t) {
			t.Error("another connection is refused")
		}
		g.connect(t, wire.JSON, p)
	}
}

// A user has one bucket, however many connections, one after the other or at once.
func TestFrameRateOfUser(t *testing.T) {
	t.Parallel()
	g, _ := newLimited(t, func(c *Config) { c.FrameRateUser = ratelimit.Rate{Count: 3, Per: time.Hour} })
	p := shared.person()
	a, b := g.enter(t, "192.0.2.1", p), g.enter(t, "192.0.2.2", p)
	if a.isLimited(t) || b.isLimited(t) || a.isLimited(t) || !a.isLimited(t) || !b.isLimited(t) {
		t.Error("the user's connections do not have three frames together")
	}
	g.leave(t, a, 1)
	g.leave(t, b, 2)
	if !g.enter(t, "192.0.2.3", p).isLimited(t) {
		t.Error("coming back fills the bucket")
	}
	if g.enter(t, "192.0.2.3", shared.person()).isLimited(t) {
		t.Error("another user is refused")
	}
}

func TestCommandRateOutlivesConnections(t *testing.T) {
	t.Parallel()
	g, _ := newLimited(t, func(c *Config) { c.CommandsPerSecond = 0.4 }) // one at a time
	p := shared.person()
	room := shared.room(1, p)
	for i, want := range []string{"", "resource_exhausted"} {
		c, _ := g.connect(t, wire.JSON, p)
		c.send(sendFrame(2, room, fmt.Sprint(i), "hi"))
		if f := c.answer(2); f.GetError().GetCode() != want {
			t.Errorf("%d: %v", i, f)
		}
		g.leave(t, c, i+1)
	}
	if _, err := newLimits(Config{}); err == nil {
		t.Error("no commands at all is a valid setting")
	}
}

func TestFrameRateOfAddress(t *testing.T) {
	t.Parallel()
	g, clock := newLimited(t, func(c *Config) { c.FrameRateIP = ratelimit.Rate{Count: 2*handshakeFrames + 3, Per: time.Hour} })
	a, b := g.enter(t, "192.0.2.1", shared.person()), g.enter(t, "192.0.2.1", shared.person())
	if a.isLimited(t) || b.isLimited(t) || a.isLimited(t) || !a.isLimited(t) || !b.isLimited(t) {
		t.Error("the address does not have three frames beyond its handshakes")
	}
	c, res := g.knock(t, "192.0.2.1")
	if c != nil || res.StatusCode != http.StatusTooManyRequests {
		t.Fatalf("another handshake: %s", res.Status)
	}
	// Ten of 23 frames in an hour.
	if wait := retryAfter(t, res); wait < 1565 || wait > 1567 {
		t.Errorf("Retry-After: %d", wait)
	}
	clock.advance(1566 * time.Second)
	g.enter(t, "192.0.2.1", shared.person())
	if g.enter(t, "192.0.2.2", shared.person()).isLimited(t) {
		t.Error("another address is refused")
	}
}

// Connections count from the handshake on, said hello or not, by the address that the proxy names.
func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	g, _ := newLimited(t, func(c *Config) { c.ConnectionsPerIP = 2 })
	opens := func(address string, want int) *client {
		t.Helper()
		c, res := g.knock(t, address)
		if res.StatusCode != want {
			t.Errorf("%s: %s, want %d", address, res.Status, want)
		}
		if res.StatusCode == http.StatusTooManyRequests && retryAfter(t, res) < 5 {
			t.Errorf("come back at once: %s", res.Header)
		}
		return c
	}
	g.enter(t, "192.0.2.1", shared.person())
	silent := opens("192.0.2.1", 101)
	opens("192.0.2.1", 429)
	opens("192.0.2.2", 101)
	g.leave(t, silent, 1)
	poll(t, "its place", func() bool { c, _ := g.knock(t, "192.0.2.1"); return c != nil })
	opens("192.0.2.1", 429)
	// One customer has a /64.
	opens("2001:db8:0:1::1", 101)
	opens("2001:db8:0:1:2:3:4:5", 101)
	opens("2001:db8:0:1:ffff::", 429)
	opens("2001:db8:0:2::1", 101)
}

// Whatever ends a connection, or keeps it from being one, gives its place back.
func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	g, _ := newLimited(t, func(c *Config) { c.ConnectionsPerIP = 1 })
	for range 3 {
		res, err := http.Get("http" + strings.TrimPrefix(g.url, "ws")) // no WebSocket
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("%s", res.Status)
		}
	}
	c := g.dial(t, wire.JSON)
	c.send(ping(1))
	c.closed(closeProtocol)
	poll(t, "the place of a connection that was cut off", func() bool {
		g.srv.limits.mu.Lock()
		defer g.srv.limits.mu.Unlock()
		return len(g.srv.limits.places) == 0
	})
	g.dial(t, wire.JSON)
}
