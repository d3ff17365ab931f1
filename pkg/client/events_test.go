package client

import (
	"context"
	"testing"
)

func TestEventsEndsWithItsContextAndWithTheConn(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		ctx, cancel := context.WithCancel(g.t.Context())
		defer cancel()
		n := 0
		for range conn.Events(ctx) {
			if n++; n == 3 { // connecting, welcome, online
				cancel()
			}
		}
		p.send(events(room, 1, 2)...)
		for event := range conn.Events(g.t.Context()) {
			if n++; n == 5 {
				conn.Close()
			}
			if change, ok := event.(StateChange); ok && change.State != Stopped {
				g.t.Errorf("unexpected %v", change)
			}
		}
		if n != 6 { // and stopped
			g.t.Errorf("%d events", n)
		}
		for range conn.Events(g.t.Context()) {
			g.t.Error("an event after the end")
		}
	})
}

func TestPushIsNotLostWhenTheQueueIsFull(t *testing.T) {
	t.Parallel()
	q := newQueue()
	for i := range queueLimit {
		if !q.offer(i) {
			t.Fatalf("full at %d", i)
		}
	}
	if q.offer("too much") {
		t.Error("the queue took more than its limit")
	}
	q.push("must")
	q.close()
	n := 0
	for item, _, ok := q.pop(t.Context()); ok; item, _, ok = q.pop(t.Context()) {
		if n++; n == queueLimit+1 && item != "must" {
			t.Errorf("last item %v", item)
		}
	}
	if n != queueLimit+1 {
		t.Errorf("%d items", n)
	}
}
