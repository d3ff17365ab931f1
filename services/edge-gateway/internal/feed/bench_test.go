package feed

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// sink is a member that only looks at the bytes, as a connection's queue does.
type sink struct {
	user     ids.User
	encoding wire.Encoding
	frames   int
	bytes    int
}

func (s *sink) User() ids.User                { return s.user }
func (s *sink) Drained(context.Context) error { return nil }
func (s *sink) Left(ids.Room)                 {}
func (s *sink) Deleted(ids.Room)              {}
func (s *sink) EnqueuePaced(_ context.Context, f *Frame) error {
	s.Enqueue(f)
	return nil
}

func (s *sink) Enqueue(f *Frame) { s.frames++; s.bytes += len(f.Bytes(s.encoding)) }

// benchRoom is a live feed with members of both encodings, and an event of a common size on the bus.
func benchRoom(b *testing.B, members int) (*Hub, *feed, *nats.Msg, *chatv1.Event) {
	b.Helper()
	h := newHarness(b, Config{RingEvents: 128, RingBytes: 64 << 10, ResumeEvents: 1000})
	room := ids.New[ids.Room]()
	for i := range members {
		if err := h.hub.Join(b.Context(), &sink{user: ids.New[ids.User](), encoding: wire.Encoding(i % 2)}, Cursor{Room: room}); err != nil {
			b.Fatal(err)
		}
	}
	if members == 0 {
		if _, err := h.hub.open(b.Context(), room); err != nil {
			b.Fatal(err)
		}
	}
	ev := &chatv1.Event{
		RoomId: room.String(), Seq: 1, Ordinal: 1, CreatedAt: timestamppb.Now(), Nonce: "5f0c54a0-6c39-4f0e-9b39-0d6a2f1d9f11",
		Actor: &chatv1.Actor{UserId: ids.New[ids.User]().String(), Username: "alice", Avatar: "https://cdn.example/a.png"},
		Body:  &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "Shall we meet at noon, at the usual place?", Type: "text"}},
	}
	data, err := proto.Marshal(ev)
	if err != nil {
		b.Fatal(err)
	}
	return h.hub, h.hub.get(room), &nats.Msg{Subject: subject.RoomEvent(room), Data: data}, ev
}

// BenchmarkDeliver is from an event to the queue of every member: what it costs more per member is the delivery.
func BenchmarkDeliver(b *testing.B) {
	for _, members := range []int{1, 20, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			_, f, msg, ev := benchRoom(b, members)
			b.ReportAllocs()
			for b.Loop() {
				f.mu.Lock()
				ev.Seq = f.last + 1
				f.deliver(ev, newEventFrame(ev, msg.Data))
				f.mu.Unlock()
			}
			b.ReportMetric(float64(b.N*members)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkDispatch is a message of the bus, decoded and brought to its feed.
func BenchmarkDispatch(b *testing.B) {
	for _, members := range []int{0, 20} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			h, f, msg, _ := benchRoom(b, members)
			b.ReportAllocs()
			for b.Loop() {
				f.last = 0 // the same event is the next one again
				h.dispatch(msg)
			}
		})
	}
}

// BenchmarkJoin is a connection that comes back to a warm room: it gets what it missed from the ring, and is a member again.
func BenchmarkJoin(b *testing.B) {
	for _, missed := range []uint32{0, 4, 100} {
		b.Run(fmt.Sprintf("missed=%d", missed), func(b *testing.B) {
			h, f, msg, ev := benchRoom(b, 20)
			for range 128 {
				f.mu.Lock()
				next, _ := proto.Clone(ev).(*chatv1.Event)
				next.Seq = f.last + 1
				f.deliver(next, newEventFrame(next, msg.Data))
				f.mu.Unlock()
			}
			m := &sink{user: ids.New[ids.User]()}
			b.ReportAllocs()
			for b.Loop() {
				if err := h.Join(b.Context(), m, Cursor{Room: f.room, Seq: f.last - missed, Resumed: true}); err != nil {
					b.Fatal(err)
				}
			}
			if want := b.N * int(missed+1); m.frames != want { // and a caughtUp
				b.Fatalf("%d frames, want %d", m.frames, want)
			}
		})
	}
}
