package scenario

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
)

// A gateway, and then both message-stores, are restarted one after the other while people write.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	rollingRestart(t, 5, shape{people: 4, rooms: 1, devices: 5, pause: 100 * time.Millisecond}, time.Second, patience)
}

func TestHeavyRollingRestart(t *testing.T) {
	heavy(t)
	// Back within the drain window and 5 s is the aim; the machine of a test, with a race detector, gets three times that.
	const window = 5 * time.Second
	rollingRestart(t, 50, shape{people: 4, rooms: 1, devices: 25, pause: 4 * time.Second}, window, 3*(window+5*time.Second))
}

// rollingRestart has several loads, with people and rooms of their own, on two gateways. What they promise each other is checked by load.finish: no acked message
// is lost, nobody sees a duplicate or a hole, no send fails.
func rollingRestart(t *testing.T, groups int, c shape, window, limit time.Duration) {
	t.Helper()
	sockets := groups * c.people * c.devices
	enoughFiles(t, 3*sockets) // of a client, and of the load balancer to both sides
	s := startShared(t, fmt.Sprint("NATTER_DRAIN_WINDOW=", window))
	var loads []*load
	for range groups {
		loads = append(loads, startLoadOf(t, s, c))
	}
	busy := func() { // all of them get on
		var want []int
		for _, l := range loads {
			want = append(want, l.total()+c.people)
		}
		for i, l := range loads {
			l.reaches(want[i])
		}
	}
	busy()

	began := time.Now()
	s.gateways[0].terminate()
	drained := time.Since(began)
	s.gateways[0].start(t)
	moved, away, all := 0, time.Duration(0), time.Duration(0)
	for _, l := range loads {
		for _, d := range l.devices {
			var lost, back time.Time
			d.until("to be back", func() bool {
				lost, back = d.lost, d.back
				return d.State() == client.Online && back.After(lost)
			})
			if lost.After(began) {
				moved++
				away, all = max(away, back.Sub(lost)), max(all, back.Sub(began))
			}
		}
	}
	t.Logf("%d sockets: the gateway drained in %.2f s; %d moved, the last one was back after %.2f s, none was away for longer than %.2f s",
		sockets, drained.Seconds(), moved, all.Seconds(), away.Seconds())
	if moved < sockets/4 || all > limit {
		t.Errorf("%d of %d sockets moved, the last one was back after %s, want at most %s", moved, sockets, all, limit)
	}
	busy()

	for _, store := range s.stores {
		store.terminate()
		busy()
		store.start(t)
		busy()
	}
	var slow time.Duration
	for _, l := range loads {
		l.stop()
	}
	for _, l := range loads {
		l.finish()
		slow = max(slow, l.slow)
	}
	t.Logf("no send waited longer than %.2f s for its ack", slow.Seconds())
}

// enoughFiles skips a test that needs more open files than this process may have.
func enoughFiles(t *testing.T, need int) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil && limit.Cur < uint64(need)+1000 {
		t.Skipf("this process may open %d files: the test needs %d (`ulimit -n`)", limit.Cur, need+1000)
	}
}
