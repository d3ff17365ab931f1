package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const room, otherRoom = "01920000-0000-7000-8000-000000000001", "01920000-0000-7000-8000-000000000002"

// gateway is a WebSocket server that does what a test tells it. It is reached through pipes in memory, so that it lives
// inside a synctest bubble, where waiting costs no time.
type gateway struct {
	t     *testing.T
	conns chan *peer
	dials chan net.Conn
	ended chan struct{}
	down  bool // refuses to be dialled
	http  http.Handler
}

// in runs a test against a gateway inside a bubble.
func in(t *testing.T, test func(*gateway)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{t: t, conns: make(chan *peer, 16), dials: make(chan net.Conn), ended: make(chan struct{})}
		server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(g) }()
		t.Cleanup(func() { _ = server.Close(); <-served })
		test(g)
	})
}

func inEachEncoding(t *testing.T, test func(*gateway, Encoding)) {
	t.Helper()
	for name, encoding := range map[string]Encoding{"protobuf": Protobuf, "json": JSON} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(g *gateway) { test(g, encoding) })
		})
	}
}

// Accept, Close and Addr make the gateway a listener.
func (g *gateway) Accept() (net.Conn, error) {
	select {
	case conn := <-g.dials:
		return conn, nil
	case <-g.ended:
		return nil, net.ErrClosed
	}
}
func (g *gateway) Close() error   { close(g.ended); return nil }
func (g *gateway) Addr() net.Addr { return &net.IPAddr{} }

func (g *gateway) httpClient() *http.Client {
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		if g.down {
			return nil, fmt.Errorf("dial: connection refused")
		}
		client, server := net.Pipe()
		g.dials <- server
		return client, nil
	}}
	g.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (g *gateway) client(token TokenSource) *Client {
	c, err := New("http://natter.test", Options{Token: token, HTTP: g.httpClient()})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ws" {
		g.http.ServeHTTP(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"natter.v1.json", "natter.v1.proto"}})
	if err != nil {
		return
	}
	p := &peer{t: g.t, ws: ws, frames: make(chan *clientv1.ClientFrame, 10_000), done: make(chan struct{})}
	g.conns <- p
	p.read()
}

// connect makes a Conn that this gateway welcomes with the given heads.
func (g *gateway) connect(opts ConnOptions, rooms ...*clientv1.RoomState) (*Conn, *peer) {
	g.t.Helper()
	conn := g.start(g.client(StaticToken("token")), opts)
	p := g.accept()
	p.expect(new(clientv1.ClientFrame_Hello))
	p.welcome(rooms...)
	return conn(), p
}

// start connects in the background; the function it returns waits for the Conn.
func (g *gateway) start(c *Client, opts ConnOptions) func() *Conn {
	got := make(chan *Conn, 1)
	go func() {
		conn, err := c.Connect(g.t.Context(), opts)
		if err != nil {
			g.t.Errorf("Connect: %v", err)
		}
		got <- conn
	}()
	return func() *Conn {
		conn := <-got
		if conn == nil {
			g.t.FailNow()
		}
		g.t.Cleanup(conn.Close)
		return conn
	}
}

// accept waits for the next connection; in a bubble it costs nothing.
func (g *gateway) accept() *peer {
	g.t.Helper()
	select {
	case p := <-g.conns:
		return p
	case <-time.After(time.Hour):
		g.t.Fatal("nobody connected")
		return nil
	}
}

// peer is the server's end of one connection.
type peer struct {
	t      *testing.T
	ws     *websocket.Conn
	frames chan *clientv1.ClientFrame
	done   chan struct{} // the client's end is gone
	closed websocket.StatusCode

	messages, largest int // of the client, and the bytes of the largest; to be read when it is quiet
}

// read decodes on its own, so that a mistake in the client's codec does not cancel itself out.
func (p *peer) read() {
	defer close(p.done)
	defer func() { _ = p.ws.CloseNow() }()
	p.ws.SetReadLimit(64 << 10)
	for {
		typ, message, err := p.ws.Read(context.Background())
		if err != nil {
			p.closed = websocket.CloseStatus(err)
			return
		}
		p.messages, p.largest = p.messages+1, max(p.largest, len(message))
		for len(message) > 0 {
			f := new(clientv1.ClientFrame)
			if typ == websocket.MessageText {
				var i int
				for i = 0; i < len(message) && message[i] != '\n'; i++ {
				}
				err = protojson.Unmarshal(message[:i], f)
				message = message[min(i+1, len(message)):]
			} else {
				size, n := protowire.ConsumeVarint(message)
				err = proto.Unmarshal(message[n:n+int(size)], f)
				message = message[n+int(size):]
			}
			if err != nil {
				p.t.Errorf("the client sent %q: %v", message, err)
				return
			}
			p.frames <- f
		}
	}
}

// next waits for the client's next frame.
func (p *peer) next() *clientv1.ClientFrame {
	p.t.Helper()
	select {
	case f := <-p.frames:
		return f
	case <-p.done:
	case <-time.After(time.Hour):
	}
	select {
	case f := <-p.frames:
		return f
	default:
		p.t.Fatal("the client sent nothing more")
		return nil
	}
}

// expect waits for a frame of the same kind as this one.
func (p *peer) expect(kind any) *clientv1.ClientFrame {
	p.t.Helper()
	f := p.next()
	if got, want := fmt.Sprintf("%T", f.GetFrame()), fmt.Sprintf("%T", kind); got != want {
		p.t.Fatalf("the client sent %v, want a %s", f, want)
	}
	return f
}

// quiet checks that the client has nothing more to say at this time.
func (p *peer) quiet() {
	p.t.Helper()
	synctest.Wait()
	select {
	case f := <-p.frames:
		p.t.Fatalf("unexpected frame of the client: %v", f)
	default:
	}
}

// send writes frames as one message.
func (p *peer) send(frames ...*clientv1.ServerFrame) {
	p.t.Helper()
	var message []byte
	typ := websocket.MessageBinary
	for _, f := range frames {
		if p.ws.Subprotocol() == "natter.v1.json" {
			typ = websocket.MessageText
			data, err := protojson.Marshal(f)
			if err != nil {
				p.t.Fatal(err)
			}
			message = append(append(message, data...), '\n')
		} else {
			data, err := proto.Marshal(f)
			if err != nil {
				p.t.Fatal(err)
			}
			message = protowire.AppendBytes(message, data)
		}
	}
	if err := p.ws.Write(p.t.Context(), typ, message); err != nil {
		p.t.Fatalf("write to the client: %v", err)
	}
}

func (p *peer) welcome(rooms ...*clientv1.RoomState) {
	p.t.Helper()
	p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Welcome{Welcome: &clientv1.Welcome{
		ConnectionId: "c1", Epoch: "e1", User: &chatv1.User{Id: "u1", Username: "ana"}, Rooms: rooms, PingSeconds: 25,
	}}})
	synctest.Wait()
}

// drop ends the connection like a pulled cable.
func (p *peer) drop() {
	_ = p.ws.CloseNow()
	<-p.done
}

func (p *peer) close(code websocket.StatusCode, reason string) {
	_ = p.ws.Close(code, reason)
	<-p.done
}

func (p *peer) ack(f *clientv1.ClientFrame, seq uint32) {
	p.t.Helper()
	p.send(&clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Ack{Ack: &clientv1.Ack{
		RoomId: f.GetSend().GetRoomId(), Nonce: f.GetSend().GetNonce(), Seq: seq,
	}}})
}

func (p *peer) refuse(id uint32, code string, retryAfter time.Duration) {
	p.t.Helper()
	p.send(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Error{Error: &clientv1.Error{
		Code: code, Message: "no", Field: "content", RetryAfterMs: uint32(retryAfter.Milliseconds()),
	}}})
}

func roomAt(id string, head uint32) *clientv1.RoomState {
	return &clientv1.RoomState{Room: &chatv1.Room{Id: id, Name: "lobby"}, HeadSeq: head, Role: "member"}
}

// events are frames of consecutive events of a room.
func events(roomID string, from, to uint32) (frames []*clientv1.ServerFrame) {
	for seq := from; seq <= to; seq++ {
		frames = append(frames, &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: &chatv1.Event{
			RoomId: roomID, Seq: seq, Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hi"}},
		}}})
	}
	return frames
}

func caughtUp(roomID string, seq uint32) *clientv1.ServerFrame {
	return &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_CaughtUp{CaughtUp: &clientv1.CaughtUp{RoomId: roomID, Seq: seq}}}
}

// seen lists what Events has by now, in words.
func seen(t *testing.T, c *Conn) (words []string) {
	t.Helper()
	synctest.Wait()
	for {
		item, left, ok, _ := c.events.take()
		if !ok {
			return words
		}
		if left == 0 {
			c.queueEmptied()
		}
		switch e := item.(type) {
		case *chatv1.Event:
			words = append(words, fmt.Sprintf("%s:%d", e.GetRoomId()[35:], e.GetSeq()))
		case *clientv1.CaughtUp:
			words = append(words, fmt.Sprintf("%s:caughtUp %d", e.GetRoomId()[35:], e.GetSeq()))
		case *clientv1.Reset:
			words = append(words, fmt.Sprintf("%s:reset %d", e.GetRoomId()[35:], e.GetHeadSeq()))
		case *clientv1.Gone:
			words = append(words, fmt.Sprintf("%s:gone", e.GetRoomId()[35:]))
		case *clientv1.Welcome:
			words = append(words, fmt.Sprintf("welcome %d", len(e.GetRooms())))
		case *clientv1.UserEvent:
			words = append(words, "userEvent")
		case *clientv1.Signal:
			words = append(words, "signal")
		case *clientv1.Presence:
			words = append(words, "presence")
		case StateChange:
			words = append(words, e.State.String())
		default:
			t.Fatalf("unexpected event %T", item)
		}
	}
}
