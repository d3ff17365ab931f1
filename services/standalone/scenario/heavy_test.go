package scenario

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
)

// heavy marks what is not for CI: it takes minutes, or thousands of sockets.
func heavy(t *testing.T) {
	t.Helper()
	if os.Getenv("NATTER_TEST_HEAVY") == "" {
		t.Skip("run by make test-heavy")
	}
}

// The one process dies again and again.
func TestHeavyKillTheOneProcess(t *testing.T) {
	heavy(t)
	s := startOne(t)
	l := startLoad(t, s, 6, 4)
	for range 30 {
		l.acks(300)
		s.processes[0].kill()
		s.processes[0].start(t)
	}
	l.acks(300)
	l.finish()
}

// Message-stores and gateways die in turn, some by SIGKILL, some by SIGTERM.
func TestHeavyKillTheServices(t *testing.T) {
	heavy(t)
	s := startShared(t)
	l := startLoad(t, s, 6, 4)
	for round := range 10 {
		for i, p := range []*process{s.stores[0], s.gateways[0], s.stores[1], s.gateways[1]} {
			l.acks(300)
			if (round+i)%3 == 0 {
				p.terminate()
			} else {
				p.kill()
			}
			l.acks(100)
			p.start(t)
		}
	}
	l.finish()
}

// Three thousand connections drop at once while people write, and come back: everyone gets what they missed.
func TestHeavyStorm(t *testing.T) {
	heavy(t)
	const users, each, missed = 60, 50, 50
	s := startOne(t)
	lobby := newProxy(t, s.url[len("http://"):])
	writer := newPerson(t, s.url, "writer")
	w := writer.connect(t, client.ConnOptions{})
	room := writer.newRoom(t)
	var devices []*device
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range users {
		p := newPerson(t, "http://"+lobby.addr(), fmt.Sprintf("p%d", i))
		if _, err := p.JoinRoom(t.Context(), room); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range each {
				d := p.connect(t, client.ConnOptions{})
				mu.Lock()
				devices = append(devices, d)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	first := w.say(room, "all here?").GetSeq()
	for _, d := range devices {
		d.event(room, first)
	}
	lobby.setCut(true)
	var last uint32
	for i := range missed {
		last = w.say(room, fmt.Sprint(i)).GetSeq()
	}
	lobby.setCut(false)
	for _, d := range devices {
		d.event(room, last) // dense and in order: record checked
	}
	t.Logf("%d connections came back to %d events", len(devices), last)
}
