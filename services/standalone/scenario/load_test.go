package scenario

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// load is people who send to common rooms, each as fast as they are acked or at a pace, until stopped.
type load struct {
	t       *testing.T
	rooms   []string
	people  []*person
	devices []*device
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	acked map[string]map[string]*clientv1.Ack // by room and content, which is unique
	count int
	slow  time.Duration // the longest that a send waited for its ack
}

// startLoad: everyone is in all rooms and sends as fast as they are acked.
func startLoad(t *testing.T, s *system, people, rooms int) *load {
	t.Helper()
	return startLoadOf(t, s, shape{people: people, rooms: rooms, devices: 1})
}

// shape is that of a load: everyone is in all rooms, with as many devices, of which one sends to each room, and
// pauses between two sends.
type shape struct {
	people, rooms, devices int
	pause                  time.Duration
}

func startLoadOf(t *testing.T, s *system, c shape) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{t: t, stop: cancel, acked: map[string]map[string]*clientv1.Ack{}}
	for i := range c.people {
		l.people = append(l.people, newPerson(t, s.url, fmt.Sprintf("p%d", i)))
	}
	for range c.rooms {
		room := l.people[0].newRoom(t, l.people[1:]...)
		l.rooms = append(l.rooms, room)
		l.acked[room] = map[string]*clientv1.Ack{}
	}
	for _, p := range l.people {
		for range c.devices {
			l.devices = append(l.devices, p.connect(t, client.ConnOptions{}))
		}
	}
	for i := range l.people {
		for _, room := range l.rooms {
			l.wg.Go(func() { l.send(ctx, l.devices[i*c.devices], room, strconv.Itoa(i), c.pause) })
		}
	}
	return l
}

func (l *load) send(ctx context.Context, d *device, room, who string, pause time.Duration) {
	for n := 0; ctx.Err() == nil; n++ {
		content := fmt.Sprintf("%s/%d", who, n)
		began := time.Now()
		// What was begun is finished: Send tries until it is acked.
		ack, err := d.Send(l.t.Context(), room, content)
		if err != nil {
			l.t.Errorf("a send failed for good: %v", err)
			return
		}
		l.mu.Lock()
		l.acked[room][content] = ack
		l.count++
		l.slow = max(l.slow, time.Since(began))
		l.mu.Unlock()
		if pause > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}
}

// acks waits for n more acks.
func (l *load) acks(n int) {
	l.t.Helper()
	l.reaches(l.total() + n)
}

// total is how many acks there were.
func (l *load) total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// reaches waits until there were as many acks.
func (l *load) reaches(want int) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("%d acks", want), func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.count < want {
			return fmt.Errorf("%d of %d", l.count, want)
		}
		return nil
	})
}

// finish ends the load and checks the promises: every acked message is stored once, under its acked seq; seqs have no
// holes; every device saw every event in order; the order of each sender is kept.
func (l *load) finish() {
	l.t.Helper()
	l.stop()
	l.wg.Wait()
	for _, room := range l.rooms {
		l.check(room)
	}
	l.t.Logf("%d acked sends", l.count)
}

func (l *load) check(room string) {
	l.t.Helper()
	stored := map[string]uint32{}
	var head uint32
	history := l.devices[0].history(room)
	for _, m := range history {
		if other, twice := stored[m.GetContent()]; twice {
			l.t.Errorf("%q is stored under %d and %d", m.GetContent(), other, m.GetSeq())
		}
		stored[m.GetContent()] = m.GetSeq()
		head = max(head, m.GetSeq())
	}
	for content, ack := range l.acked[room] {
		if stored[content] != ack.GetSeq() {
			l.t.Errorf("%q was acked as %d and is stored as %d", content, ack.GetSeq(), stored[content])
		}
	}
	if len(stored) != len(l.acked[room]) {
		l.t.Errorf("%d messages are stored, %d were acked", len(stored), len(l.acked[room]))
	}
	for _, d := range l.devices {
		d.event(room, head)
		list := d.got(room) // dense and in order: record checked
		next := map[string]int{}
		for _, ev := range list {
			m, ok := ev.GetBody().(*chatv1.Event_Message)
			if !ok {
				continue
			}
			var who string
			var n int
			if _, err := fmt.Sscanf(strings.Replace(m.Message.GetContent(), "/", " ", 1), "%s %d", &who, &n); err != nil || n < next[who] {
				l.t.Errorf("%q comes after %d of its sender (%v)", m.Message.GetContent(), next[who], err)
			}
			next[who] = n + 1
			if stored[m.Message.GetContent()] != ev.GetSeq() {
				l.t.Errorf("event %d is %q, stored under %d", ev.GetSeq(), m.Message.GetContent(), stored[m.Message.GetContent()])
			}
		}
	}
}
