package session

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// dialSmall is dial with a small receive buffer: the client's kernel takes little when the client does not read.
func (g *gateway) dialSmall(tb testing.TB, receiveBuffer int) *client {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(receiveBuffer)
		}
		return conn, err
	}
	ws, _, err := websocket.Dial(ctx, g.url, &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ws.CloseNow() })
	return &client{tb: tb, ws: ws, encoding: wire.JSON}
}

// Clients that never read are noticed after half a megabyte, though a kernel would take several for each, and cost those in
// the same room nothing. (With real times, and 100 of them: TestHeavyClientsThatNeverRead.)
func TestClientsThatNeverRead(t *testing.T) {
	t.Parallel()
	const stuck, healthy = 20, 4
	const events, step = 512, 16 // of 1 KiB
	g := newGateway(t, func(c *Config) {
		c.SendBuffer, c.WriteTimeout = 16<<10, time.Second
		c.QueueBytes = 64 << 20 // not what notices them
	})
	var people []*person
	for range stuck + healthy {
		people = append(people, shared.person())
	}
	room := shared.room(1, people...)
	for _, p := range people[:stuck] {
		c := g.dialSmall(t, 16<<10)
		c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
		c.next() // the last that it reads
	}
	var readers []*client
	for i, p := range people[stuck:] {
		readers = append(readers, g.join(t, wire.Encoding(i%2), p, room))
	}
	content := strings.Repeat("x", 1<<10)
	for seq := uint32(2); seq < events; seq += step {
		for range step {
			room.append(&chatv1.Event{Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: content}}})
		}
		for _, c := range readers {
			c.events(room, seq, seq+step-1)
		}
	}
	g.ended(t, "slow_consumer", stuck)
	for _, c := range readers {
		c.sync()
	}
	poll(t, "empty queues", func() bool { return g.srv.queued.Load() == 0 })
	if n := len(g.srv.all()); n != healthy {
		t.Errorf("%d connections are left, want %d", n, healthy)
	}
}
