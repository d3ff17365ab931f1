// Command baseline is the server that `make bench-e2e` compares Natter with: rooms on coder/websocket, and nothing else. It
// writes each message to each member by itself, stores nothing, checks nothing, and speaks of the protocol what the
// generator needs (protobuf only), so that its frames are as large as Natter's. A client becomes a member of the rooms
// that its hello lists. It is part of the benchmark and not shipped.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

// run serves WebSockets on the first address and metrics on the second.
func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: baseline <address> <metrics address>")
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics, sockets := http.NewServeMux(), http.NewServeMux()
	metrics.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	sockets.Handle("GET /ws", &server{rooms: map[string]*room{}})
	failed := make(chan error, 2)
	for addr, handler := range map[string]http.Handler{args[0]: sockets, args[1]: metrics} {
		s := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
		go func() { failed <- s.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

type server struct {
	mu    sync.Mutex
	rooms map[string]*room
}

// room delivers under its lock, so that all members get the same order.
type room struct {
	mu      sync.Mutex
	id      string
	seq     uint32
	members map[*member]struct{}
}

type member struct {
	ws    *websocket.Conn
	actor *chatv1.Actor
	rooms map[string]*room
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{"natter.v1.proto"}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return
	}
	m := &member{ws: ws, rooms: map[string]*room{}}
	defer func() {
		_ = ws.CloseNow()
		for _, room := range m.rooms {
			room.mu.Lock()
			delete(room.members, m)
			room.mu.Unlock()
		}
	}()
	var message bytes.Buffer
	for {
		_, from, err := ws.Reader(context.Background())
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(from); err != nil {
			return
		}
		_, n := binary.Uvarint(message.Bytes())
		f := new(clientv1.ClientFrame)
		if n <= 0 || proto.Unmarshal(message.Bytes()[n:], f) != nil {
			return
		}
		switch {
		case f.GetHello() != nil:
			s.hello(m, f)
		case f.GetSend() != nil:
			m.send(f.GetSend())
		}
	}
}

func (s *server) hello(m *member, f *clientv1.ClientFrame) {
	m.actor = &chatv1.Actor{UserId: uuid.NewString(), Username: f.GetHello().GetToken()}
	_ = m.write(&clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Welcome{Welcome: &clientv1.Welcome{}}})
	for _, cursor := range f.GetHello().GetResume() {
		s.mu.Lock()
		in := s.rooms[cursor.GetRoomId()]
		if in == nil {
			in = &room{id: cursor.GetRoomId(), members: map[*member]struct{}{}}
			s.rooms[in.id] = in
		}
		s.mu.Unlock()
		in.mu.Lock()
		in.members[m] = struct{}{}
		m.rooms[in.id] = in
		_ = m.write(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_CaughtUp{CaughtUp: &clientv1.CaughtUp{RoomId: in.id, Seq: in.seq}}})
		in.mu.Unlock()
	}
}

// send encodes once, and writes to each member.
func (m *member) send(what *clientv1.Send) {
	in := m.rooms[what.GetRoomId()]
	if in == nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.seq++
	frame := encode(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: &chatv1.Event{
		RoomId: in.id, Seq: in.seq, Ordinal: in.seq, CreatedAt: timestamppb.Now(), Actor: m.actor, Nonce: what.GetNonce(),
		Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: what.GetContent(), Type: "text"}},
	}}})
	for to := range in.members {
		_ = to.ws.Write(context.Background(), websocket.MessageBinary, frame)
	}
}

func (m *member) write(f *clientv1.ServerFrame) error {
	return m.ws.Write(context.Background(), websocket.MessageBinary, encode(f))
}

func encode(f *clientv1.ServerFrame) []byte {
	b, _ := proto.MarshalOptions{}.MarshalAppend(protowire.AppendVarint(nil, uint64(proto.Size(f))), f) // fails for bad UTF-8 only
	return b
}
