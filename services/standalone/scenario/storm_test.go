package scenario

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
)

// metric is the sum of a counter over some of the system's processes, of all its children that have one of these labels.
func metric(tb testing.TB, name string, labels []string, processes ...*process) (sum float64) {
	tb.Helper()
	for _, p := range processes {
		_, body := p.get(tb.Context(), "/metrics")
		for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
			child, isIt := strings.CutPrefix(lines.Text(), name+"{")
			label, value, _ := strings.Cut(child, "} ")
			if !isIt {
				continue
			}
			for _, l := range labels {
				if l == label {
					v, err := strconv.ParseFloat(value, 64)
					if err != nil {
						tb.Fatal(err)
					}
					sum += v
				}
			}
		}
	}
	return sum
}

// hellos is how many connections have signed in.
func hellos(tb testing.TB, gateways ...*process) float64 {
	tb.Helper()
	return metric(tb, "natter_edge_gateway_hellos_total", []string{`outcome="ok"`}, gateways...)
}

// reads is how often the databases of rooms and messages were read, but for what sending messages reads.
func (s *system) reads(tb testing.TB) float64 {
	tb.Helper()
	what := func(names ...string) (labels []string) {
		for _, n := range names {
			labels = append(labels, fmt.Sprintf("what=%q", n))
		}
		return labels
	}
	return metric(tb, "natter_rooms_store_reads_total", what("room", "rooms", "memberships", "members", "snapshot"), s.processes...) +
		metric(tb, "natter_message_store_store_reads_total", what("heads", "events", "messages", "markers", "mentions"), s.processes...)
}

// gathering is people in one room, and some of them in another, each with some devices; the first person is in both.
func gathering(t *testing.T, url string, people, devices int) (all []*device, first *person, room string) {
	t.Helper()
	host := newPerson(t, url, "host")
	room, second := host.newRoom(t), host.newRoom(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range people {
		p := newPerson(t, url, fmt.Sprintf("p%d", i))
		if i == 0 {
			first = p
		}
		for _, in := range []string{room, second}[:2-i%2] {
			if _, err := p.JoinRoom(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		wg.Go(func() {
			for range devices {
				d := p.connect(t, client.ConnOptions{})
				mu.Lock()
				all = append(all, d)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all, first, room
}

// All connections of a gateway drop at once and come back: the databases are not asked.
func TestStormOnAWarmGateway(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	lobby := newProxy(t, s.url[len("http://"):])
	devices, first, room := gathering(t, "http://"+lobby.addr(), 25, 8)
	writer := newPerson(t, s.url, "writer")
	if _, err := writer.JoinRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	w := writer.connect(t, client.ConnOptions{})
	// The owner of a room's partition is sure of it after some seconds only; until then it reads heads now and then.
	quiet := time.Now()
	eventually(t, "hellos read nothing", func() error {
		before := s.reads(t)
		conn, err := first.Connect(t.Context(), client.ConnOptions{})
		if err != nil {
			return err
		}
		conn.Close()
		if s.reads(t) > before {
			quiet = time.Now()
		}
		if d := time.Since(quiet); d < time.Second {
			return fmt.Errorf("quiet for %s", d)
		}
		return nil
	})
	lobby.setCut(true)
	var last uint32
	for i := range 10 {
		last = w.say(room, fmt.Sprint("missed ", i)).GetSeq()
	}
	before, welcomed := s.reads(t), hellos(t, s.gateways...)
	lobby.setCut(false)
	for _, d := range devices {
		d.event(room, last) // dense and in order: record checked
	}
	back := hellos(t, s.gateways...) - welcomed
	reads := s.reads(t) - before
	t.Logf("%v hellos, %v reads", back, reads)
	if back < float64(len(devices)) || reads > 0.05*back {
		t.Errorf("%d devices came back with %v hellos and %v reads of the databases", len(devices), back, reads)
	}
}

// A gateway dies, and its clients come to one that knows none of them. Each of two message-stores remembers the markers of
// those it was asked about before, so half of the clients are read, once.
func TestStormOnAColdGateway(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	s.gateways[1].kill()
	devices, _, room := gathering(t, s.url, 80, 1)
	s.gateways[1].start(t)
	before := s.reads(t)
	s.gateways[0].kill()
	eventually(t, "all are back", func() error {
		if n := hellos(t, s.gateways[1]); n < float64(len(devices)) {
			return fmt.Errorf("%v of %d", n, len(devices))
		}
		return nil
	})
	reads := s.reads(t) - before
	t.Logf("%d users, %v reads", len(devices), reads)
	if reads > float64(len(devices)) {
		t.Errorf("%v reads of the databases for %d users", reads, len(devices))
	}
	last := devices[0].say(room, "all here?").GetSeq()
	for _, d := range devices {
		d.event(room, last)
	}
}
