package session

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// BenchmarkQueue is one frame in and out; a burst goes out in as few messages as fit.
func BenchmarkQueue(b *testing.B) {
	for _, burst := range []int{1, 32} {
		b.Run(fmt.Sprintf("burst=%d", burst), func(b *testing.B) {
			q, _ := newQueue(1<<20, func() {})
			f, message := frameOf(1, 200), make([]byte, 0, maxMessage)
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					q.push(f)
				}
				for {
					if _, first := q.take(message, maxMessage); first == nil {
						break
					}
				}
			}
			b.ReportMetric(float64(b.N*burst)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// BenchmarkFanOut is a burst of events from the bus to the sockets of one room, all in this process, the clients too.
func BenchmarkFanOut(b *testing.B) {
	for _, connections := range []int{20, 1000} {
		for _, e := range []wire.Encoding{wire.JSON, wire.Proto} {
			b.Run(fmt.Sprintf("connections=%d/%s", connections, e.Subprotocol()), func(b *testing.B) { fanOut(b, connections, e) })
		}
	}
}

func fanOut(b *testing.B, connections int, e wire.Encoding) {
	const burst = 64
	g := newGateway(b, func(c *Config) { c.ConnectionsPerUser = connections })
	p := shared.person()
	room := shared.room(1, p)
	var readers, burstDone sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for range connections {
		c := g.join(b, e, p, room)
		readers.Go(func() {
			for got := 0; ; {
				_, message, err := c.ws.Read(ctx)
				if err != nil {
					return
				}
				for got += count(e, message); got >= burst; got -= burst {
					burstDone.Done()
				}
			}
		})
	}
	ev := &chatv1.Event{
		RoomId: room.String(), Seq: 1, Ordinal: 1, CreatedAt: timestamppb.Now(), Nonce: "5f0c54a0-6c39-4f0e-9b39-0d6a2f1d9f11",
		Actor: &chatv1.Actor{UserId: p.id.String(), Username: "alice", Avatar: "https://cdn.example/a.png"},
		Body:  &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "Shall we meet at noon, at the usual place?", Type: "text"}},
	}
	b.ReportAllocs()
	for b.Loop() {
		burstDone.Add(connections)
		for range burst {
			ev.Seq++
			data, err := proto.Marshal(ev)
			if err == nil {
				err = g.nc.Publish(subject.RoomEvent(room.id), data)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		burstDone.Wait()
	}
	b.ReportMetric(float64(b.N*burst*connections)/b.Elapsed().Seconds(), "deliveries/s")
	cancel()
	readers.Wait()
}

// count is how many frames a message holds.
func count(e wire.Encoding, message []byte) (n int) {
	if e == wire.JSON {
		return bytes.Count(message, []byte{'\n'}) + 1
	}
	for len(message) > 0 {
		_, size := protowire.ConsumeBytes(message)
		message = message[size:]
		n++
	}
	return n
}
