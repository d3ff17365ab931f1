package session

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"
	"github.com/natter-chat/natter/services/edge-gateway/internal/upstream"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// testBinary is a testing.TB that lives as long as the test binary: the bus is shared by all tests.
type testBinary struct {
	testing.TB
	cleanups []func()
}

func (*testBinary) Helper()                   {}
func (*testBinary) Failed() bool              { return false }
func (b *testBinary) Cleanup(f func())        { b.cleanups = append(b.cleanups, f) }
func (*testBinary) Fatalf(f string, a ...any) { fmt.Printf(f+"\n", a...); os.Exit(1) }

var (
	busURL string
	shared *backend
)

func TestMain(m *testing.M) {
	tb := &testBinary{}
	busURL = testkit.NATS(tb)
	nc, err := nats.Connect(busURL)
	if err == nil {
		shared, err = startBackend(nc)
	}
	if err != nil {
		tb.Fatalf("%v", err)
	}
	code := m.Run()
	nc.Close()
	for _, f := range tb.cleanups {
		f()
	}
	os.Exit(code)
}

// gateway is a hub and a session server behind a real listener.
type gateway struct {
	hub   *feed.Hub
	srv   *Server
	nc    *nats.Conn
	url   string
	drain func(context.Context) error // closes the server, once
	close func(context.Context) error // closes all, once
}

func testConfig() Config {
	return Config{
		FrameBytes: 64 << 10, QueueBytes: 1 << 20, WriteTimeout: 10 * time.Second, PingInterval: 25 * time.Second,
		DrainWindow: 10 * time.Millisecond, ConnectionsPerUser: 50, CommandsPerSecond: 10_000, InFlight: 128,
	}
}

// startGateway starts a gateway on a bus; change adapts its settings.
func startGateway(tb testing.TB, url string, change func(*Config)) *gateway {
	tb.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	nc, err := bus.Connect(tb.Context(), bus.Config{URL: url}, "edge-gateway", log)
	if err != nil {
		tb.Fatal(err)
	}
	services := upstream.New(rpc.NewClient(nc))
	hub, err := feed.NewHub(feed.Config{RingEvents: 128, RingBytes: 64 << 10, ResumeEvents: 1000}, nc, services, log, reg)
	if err != nil {
		tb.Fatal(err)
	}
	people, err := presence.New(nc, ids.New[ids.Instance](), services, log)
	if err != nil {
		tb.Fatal(err)
	}
	srv, err := NewServer(cfg, hub, people, services, authn.NewVerifier(services.Keys), nc, log, reg)
	if err != nil {
		tb.Fatal(err)
	}
	listener := httptest.NewServer(srv)
	g := &gateway{hub: hub, srv: srv, nc: nc, url: "ws" + strings.TrimPrefix(listener.URL, "http")}
	var drained, closed sync.Once
	g.drain = func(ctx context.Context) (err error) {
		drained.Do(func() { err = srv.Close(ctx) })
		return err
	}
	g.close = func(ctx context.Context) (err error) {
		closed.Do(func() {
			err = g.drain(ctx)
			listener.Close()
			people.Close()
			hub.Close()
			nc.Close()
		})
		return err
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := g.close(ctx); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return g
}

// newGateway starts a gateway on the shared bus.
func newGateway(tb testing.TB, change func(*Config)) *gateway {
	tb.Helper()
	return startGateway(tb, busURL, change)
}

// ended waits until the gateway has counted this many connections that ended by a cause.
func (g *gateway) ended(tb testing.TB, cause string, times int) {
	tb.Helper()
	poll(tb, fmt.Sprintf("%d connections that ended as %s", times, cause), func() bool {
		return testutil.ToFloat64(g.srv.metrics.disconnects.WithLabelValues(cause)) >= float64(times)
	})
}

// poll asks until cond holds.
func poll(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatalf("timed out waiting for %s", what)
		}
	}
}

// inBoth runs a test in both encodings.
func inBoth(t *testing.T, test func(*testing.T, wire.Encoding)) {
	t.Helper()
	for _, e := range []wire.Encoding{wire.JSON, wire.Proto} {
		t.Run(strings.TrimPrefix(e.Subprotocol(), "natter.v1."), func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// client is one WebSocket. Its methods are for one goroutine.
type client struct {
	tb       testing.TB
	ws       *websocket.Conn
	encoding wire.Encoding
	pending  []*clientv1.ServerFrame // of the last message, not looked at yet
}

func (g *gateway) dial(tb testing.TB, e wire.Encoding) *client {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, g.url, &websocket.DialOptions{Subprotocols: []string{e.Subprotocol()}})
	if err != nil {
		tb.Fatal(err)
	}
	if got := ws.Subprotocol(); got != e.Subprotocol() {
		tb.Fatalf("subprotocol %q, status %s", got, res.Status)
	}
	ws.SetReadLimit(-1)
	tb.Cleanup(func() { _ = ws.CloseNow() })
	return &client{tb: tb, ws: ws, encoding: e}
}

// connect dials and signs in; it returns the client and all of its rooms.
func (g *gateway) connect(tb testing.TB, e wire.Encoding, p *person, resume ...*clientv1.Cursor) (*client, *clientv1.Welcome) {
	tb.Helper()
	c := g.dial(tb, e)
	c.hello(&clientv1.Hello{Token: p.token(tb, time.Hour), Epoch: testEpoch, Resume: resume})
	return c, c.next().GetWelcome()
}

// join is connect, and waits until the connection gets what happens in its only room, which has one event.
func (g *gateway) join(tb testing.TB, e wire.Encoding, p *person, r *testRoom) *client {
	tb.Helper()
	c, _ := g.connect(tb, e, p, cursor(r, 1))
	if f := c.next(); f.GetCaughtUp() == nil {
		tb.Fatalf("got %v", f)
	}
	return c
}

// message encodes frames as one message.
func (c *client) message(frames ...*clientv1.ClientFrame) (message []byte) {
	for _, f := range frames {
		var raw []byte
		var err error
		if c.encoding == wire.Proto {
			if raw, err = proto.Marshal(f); err == nil {
				message = protowire.AppendBytes(message, raw)
			}
		} else if raw, err = protojson.Marshal(f); err == nil {
			message = append(append(message, raw...), '\n')
		}
		if err != nil {
			c.tb.Fatal(err)
		}
	}
	return message
}

// send sends frames in one message.
func (c *client) send(frames ...*clientv1.ClientFrame) { c.raw(c.message(frames...)) }

func (c *client) raw(message []byte) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.ws.Write(ctx, messageType(c.encoding), message); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *client) hello(h *clientv1.Hello) {
	c.send(&clientv1.ClientFrame{Id: 1, Frame: &clientv1.ClientFrame_Hello{Hello: h}})
}

// read returns the next frame, or how the connection ended.
func (c *client) read() (*clientv1.ServerFrame, error) {
	for len(c.pending) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		kind, message, err := c.ws.Read(ctx)
		cancel()
		if err != nil {
			return nil, err
		}
		if kind != messageType(c.encoding) {
			c.tb.Fatalf("message of type %v", kind)
		}
		c.split(message)
	}
	f := c.pending[0]
	c.pending = c.pending[1:]
	return f, nil
}

func (c *client) split(message []byte) {
	if c.encoding == wire.JSON {
		for line := range bytes.SplitSeq(message, []byte{'\n'}) {
			f := &clientv1.ServerFrame{}
			if err := protojson.Unmarshal(line, f); err != nil {
				c.tb.Fatalf("%v in %q", err, line)
			}
			c.pending = append(c.pending, f)
		}
		return
	}
	for len(message) > 0 {
		raw, n := protowire.ConsumeBytes(message)
		f := &clientv1.ServerFrame{}
		if n < 0 || proto.Unmarshal(raw, f) != nil {
			c.tb.Fatalf("not frames: %q", message)
		}
		c.pending, message = append(c.pending, f), message[n:]
	}
}

// next returns the next frame.
func (c *client) next() *clientv1.ServerFrame {
	c.tb.Helper()
	f, err := c.read()
	if err != nil {
		c.tb.Fatalf("want a frame: %v", err)
	}
	return f
}

// until reads up to a frame that fits, and returns all.
func (c *client) until(fits func(*clientv1.ServerFrame) bool) (all []*clientv1.ServerFrame) {
	c.tb.Helper()
	for {
		f, err := c.read()
		if err != nil {
			c.tb.Fatalf("after %v: %v", all, err)
		}
		if all = append(all, f); fits(f) {
			return all
		}
	}
}

// answer reads up to the answer to a request.
func (c *client) answer(id uint32) *clientv1.ServerFrame {
	c.tb.Helper()
	all := c.until(func(f *clientv1.ServerFrame) bool { return f.GetId() == id })
	return all[len(all)-1]
}

// sync makes a round trip, and returns what came meanwhile.
func (c *client) sync() []*clientv1.ServerFrame {
	c.tb.Helper()
	const id = 1<<32 - 1
	c.send(&clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Ping{Ping: &clientv1.Ping{}}})
	all := c.until(func(f *clientv1.ServerFrame) bool { return f.GetId() == id })
	return all[:len(all)-1]
}

// events reads events of a room up to seq to: they must be from … to, each once, in order. Other frames are returned.
func (c *client) events(r *testRoom, from, to uint32) (others []*clientv1.ServerFrame) {
	c.tb.Helper()
	for next := from; next <= to; {
		f := c.next()
		if ev := f.GetEvent(); ev == nil || ev.GetRoomId() != r.String() {
			others = append(others, f)
			continue
		}
		if got := f.GetEvent().GetSeq(); got != next {
			c.tb.Fatalf("event %d, want %d", got, next)
		}
		next++
	}
	return others
}

// closed reads to the end: the close code must be this one. It returns the last frames.
func (c *client) closed(code websocket.StatusCode) (all []*clientv1.ServerFrame) {
	c.tb.Helper()
	for {
		f, err := c.read()
		if err == nil {
			all = append(all, f)
			continue
		}
		if got := websocket.CloseStatus(err); got != code {
			c.tb.Fatalf("closed with %d, want %d: %v; frames %v", got, code, err, all)
		}
		return all
	}
}
