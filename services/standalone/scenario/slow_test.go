package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/client"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// A hundred clients that never read sit in a busy room: they are cut off within 15 s of the first message that they do not
// read, nothing is left in their queues, and everybody else gets every event in order. What the others notice is printed.
func TestHeavyClientsThatNeverRead(t *testing.T) {
	heavy(t)
	const stuck, readers, perPerson = 100, 50, 10
	const phase = 20 * time.Second
	s := startOne(t)
	gateway := s.gateways[0]
	writer := newPerson(t, s.url, "writer")
	room := writer.newRoom(t)
	w := writer.connect(t, client.ConnOptions{})
	r := &readings{t: t, room: room}
	t.Cleanup(r.wg.Wait)
	for i := range readers / perPerson {
		p := newPerson(t, s.url, fmt.Sprint("reader", i))
		if _, err := p.JoinRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		for range perPerson {
			r.listen(p)
		}
	}
	r.untilAll(w.say(room, r.stamp()).GetSeq())

	r.take() // without what the first message took
	r.untilAll(r.talk(w, phase))
	t.Logf("without them: %s", summary(r.take()))

	for i := range stuck / perPerson {
		p := newPerson(t, s.url, fmt.Sprint("stuck", i))
		if _, err := p.JoinRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		for range perPerson {
			p.sitStill(t, s.url)
		}
	}
	var last uint32
	var talking sync.WaitGroup
	t.Cleanup(talking.Wait)
	began := time.Now()
	talking.Go(func() { last = r.talk(w, phase) })
	within(t, 15*time.Second, "all that never read are cut off", func() error {
		if n := gateway.metric(t, `natter_edge_gateway_disconnects_total{cause="slow_consumer"}`); n != stuck {
			return fmt.Errorf("%v of %d", n, stuck)
		}
		return nil
	})
	t.Logf("cut off after %s", time.Since(began).Round(100*time.Millisecond))
	talking.Wait()
	r.untilAll(last)
	t.Logf("with them: %s", summary(r.take()))
	eventually(t, "empty queues", func() error {
		if n := gateway.metric(t, "natter_edge_gateway_queue_bytes"); n != 0 {
			return fmt.Errorf("%v bytes", n)
		}
		return nil
	})
	if n := gateway.metric(t, `natter_edge_gateway_connections{subprotocol="natter.v1.proto"}`); n != readers+1 {
		t.Errorf("%v connections are left, want %d", n, readers+1)
	}
}

// sitStill opens a connection that says hello, hears the welcome, and reads nothing any more.
func (p *person) sitStill(t *testing.T, url string) {
	t.Helper()
	in, err := p.Login(t.Context(), p.email, password)
	if err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.Dial(t.Context(), "ws"+url[len("http"):]+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	if err := ws.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"hello":{"token":%q}}`, in.GetAccessToken())); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// readings is what many connections see of one room.
type readings struct {
	t    *testing.T
	room string
	wg   sync.WaitGroup

	mu        sync.Mutex
	heads     []uint32 // seq of the last event, by connection
	latencies []time.Duration
}

// listen opens a connection. Its events must be dense and in order.
func (r *readings) listen(p *person) {
	r.t.Helper()
	conn, err := p.Connect(r.t.Context(), client.ConnOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(conn.Close)
	i := len(r.heads)
	r.heads = append(r.heads, 0)
	r.wg.Go(func() {
		for item := range conn.Events(context.Background()) {
			ev, ok := item.(*chatv1.Event)
			if !ok {
				continue
			}
			r.mu.Lock()
			if head := r.heads[i]; head != 0 && ev.GetSeq() != head+1 {
				r.t.Errorf("event %d follows %d", ev.GetSeq(), head)
			}
			r.heads[i] = ev.GetSeq()
			stamp, _, _ := strings.Cut(ev.GetMessage().GetContent(), " ")
			if sent, err := strconv.ParseInt(stamp, 10, 64); err == nil {
				r.latencies = append(r.latencies, time.Since(time.Unix(0, sent)))
			}
			r.mu.Unlock()
		}
	})
}

// stamp is a message of a kilobyte that tells when it was made.
func (r *readings) stamp() string {
	return fmt.Sprintf("%d %s", time.Now().UnixNano(), strings.Repeat("x", 1000))
}

// talk sends 100 messages a second, and returns the seq of the last.
func (r *readings) talk(w *device, d time.Duration) (last uint32) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		<-tick.C
		ack, err := w.Send(r.t.Context(), r.room, r.stamp())
		if err != nil {
			r.t.Errorf("send: %v", err)
			return last
		}
		last = ack.GetSeq()
	}
	return last
}

// untilAll waits until every connection has an event.
func (r *readings) untilAll(seq uint32) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("event %d everywhere", seq), func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if least := slices.Min(r.heads); least < seq {
			return fmt.Errorf("one is at %d", least)
		}
		return nil
	})
}

// take returns the latencies since the last call.
func (r *readings) take() []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.latencies
	r.latencies = nil
	return list
}

func summary(latencies []time.Duration) string {
	slices.Sort(latencies)
	at := func(percent int) time.Duration {
		return latencies[(len(latencies)-1)*percent/100].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d deliveries, p50 %s, p99 %s, worst %s", len(latencies), at(50), at(99), at(100))
}

// metric is the value of a series on the admin port; 0 when there is none.
func (p *process) metric(tb testing.TB, series string) (value float64) {
	tb.Helper()
	_, body := p.get(tb.Context(), "/metrics")
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			value, _ = strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return value
}
