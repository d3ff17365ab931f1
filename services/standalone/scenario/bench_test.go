package scenario

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// rawSender is a client that costs next to nothing: it writes JSON by hand and counts its acks.
type rawSender struct {
	ws    *websocket.Conn
	room  string
	acked chan struct{}
}

func newRawSender(b *testing.B, s *system, p *person, token, room string) *rawSender {
	b.Helper()
	ws, _, err := websocket.Dial(b.Context(), "ws"+s.url[len("http"):]+"/ws", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(1 << 20)
	r := &rawSender{ws: ws, room: room, acked: make(chan struct{}, 1024)}
	if err := ws.Write(b.Context(), websocket.MessageText, fmt.Appendf(nil, `{"hello":{"token":%q}}`, token)); err != nil {
		b.Fatal(err)
	}
	welcomed := make(chan struct{})
	go r.read(b, welcomed)
	<-welcomed
	return r
}

func (r *rawSender) read(b *testing.B, welcomed chan<- struct{}) {
	for {
		_, message, err := r.ws.Read(b.Context())
		if err != nil {
			return
		}
		if welcomed != nil && bytes.Contains(message, []byte(`"welcome"`)) {
			close(welcomed)
			welcomed = nil
		}
		if bytes.Contains(message, []byte(`"error"`)) {
			b.Errorf("the server answered %s", message)
		}
		for range bytes.Count(message, []byte(`"ack":{`)) {
			r.acked <- struct{}{}
		}
	}
}

func (r *rawSender) send(b *testing.B, n int) {
	frame := fmt.Appendf(nil, `{"id":1,"send":{"roomId":%q,"nonce":"n%s","content":%q}}`, r.room, strconv.Itoa(n), payload)
	if err := r.ws.Write(b.Context(), websocket.MessageText, frame); err != nil {
		b.Error(err)
	}
}

// payload is a message of 128 bytes.
var payload = string(bytes.Repeat([]byte("natter, "), 16))

func benchSystem(b *testing.B, rooms int) (*system, []*rawSender) {
	b.Helper()
	s := startOne(b)
	var senders []*rawSender
	for i := range rooms {
		p := newPerson(b, s.url, fmt.Sprintf("p%d", i))
		in, err := p.Login(b.Context(), p.email, password)
		if err != nil {
			b.Fatal(err)
		}
		senders = append(senders, newRawSender(b, s, p, in.GetAccessToken(), p.newRoom(b)))
	}
	return s, senders
}

// BenchmarkAckedSends is the one process end to end, through real sockets, storing every message durably: 50 senders in
// 50 rooms, each with a window of messages in flight.
func BenchmarkAckedSends(b *testing.B) {
	for _, window := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("rooms=50/window=%d", window), func(b *testing.B) {
			_, senders := benchSystem(b, 50)
			b.ResetTimer()
			var wg sync.WaitGroup
			for i, r := range senders {
				wg.Go(func() {
					total, sent, acked := b.N/len(senders)+1, 0, 0
					for acked < total {
						for sent < total && sent-acked < window {
							r.send(b, i*1_000_000_000+sent)
							sent++
						}
						<-r.acked
						acked++
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
		})
	}
}

// BenchmarkSendToAck is the latency of a send at 100 sends/s over 10 rooms, from the moment it was due.
func BenchmarkSendToAck(b *testing.B) {
	_, senders := benchSystem(b, 10)
	const every = 10 * time.Millisecond
	var latencies []time.Duration
	b.ResetTimer()
	due := time.Now()
	for n := range b.N {
		due = due.Add(every)
		time.Sleep(time.Until(due)) //nolint:forbidigo // an open loop keeps to its schedule
		r := senders[n%len(senders)]
		r.send(b, n)
		<-r.acked
		latencies = append(latencies, time.Since(due))
	}
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
}
