package messagestore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// From a command on the bus to its ack, over 50 rooms on SQLite, with so many commands under way at a time; the client,
// NATS (a process of its own) and message-store share the machine.
func BenchmarkSendAck(b *testing.B) {
	for _, underway := range []int{1, 50, 500} {
		b.Run(fmt.Sprint("underway=", underway), func(b *testing.B) {
			w := newWorld(b, 1)
			w.start(b, map[string]string{"NATTER_DATA_DIR": b.TempDir()})
			rooms := make([]ids.Room, 50)
			for i := range rooms {
				rooms[i] = ids.New[ids.Room]()
				w.send(b, rooms[i], 0, "warm", "up")
			}
			content := strings.Repeat("a message of ordinary length ", 4)
			inbox := nats.NewInbox()
			acked := make(chan struct{}, underway)
			if _, err := w.nc.Subscribe(inbox, func(m *nats.Msg) {
				var o busv1.Outcomes
				if err := proto.Unmarshal(m.Data, &o); err != nil || o.GetOutcomes()[0].GetAck() == nil {
					b.Errorf("outcome %v, %v", &o, err)
				}
				acked <- struct{}{}
			}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			free := underway
			for i := range b.N { // not b.Loop: the last acks belong to the time
				if free == 0 {
					<-acked
					free++
				}
				room := rooms[i%len(rooms)]
				data, err := proto.Marshal(&busv1.Commands{Commands: []*busv1.Command{w.message(room, 0, fmt.Sprint("nonce of ordinary length ", i), content)}})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.nc.PublishRequest(subject.In(room), inbox, data); err != nil {
					b.Fatal(err)
				}
				free--
			}
			for ; free < underway; free++ {
				<-acked
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acks/s")
		})
	}
}
