package scenario

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/ids"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// person is a user with an account.
type person struct {
	*client.Client
	id, name, email string
}

const password = "correct horse battery"

// newPerson registers a user with the gateway or load balancer at url.
func newPerson(tb testing.TB, url, name string) *person {
	tb.Helper()
	p := &person{name: name + "-" + ids.New[ids.User]().String()[28:]}
	p.email = p.name + "@example.org"
	opts := client.Options{Token: client.PasswordToken(url, p.email, password, client.Options{})}
	if os.Getenv("NATTER_TEST_LOGS") != "" {
		opts.Log = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("person", p.name)
	}
	var err error
	if p.Client, err = client.New(url, opts); err != nil {
		tb.Fatal(err)
	}
	in, err := p.Register(tb.Context(), p.email, p.name, password)
	if err != nil {
		tb.Fatalf("register %s: %v", p.name, err)
	}
	p.id = in.GetUser().GetId()
	return p
}

// device is one connection of a person. It records what arrives and fails the test when a room's events are not dense
// and in order.
type device struct {
	*client.Conn
	t *testing.T

	mu     sync.Mutex
	more   chan struct{} // closed and replaced when something came
	events map[string][]*chatv1.Event
	other  []any // everything else
	// lost is when the connection was last lost, back when it was welcomed after that.
	lost, back time.Time
}

func (p *person) connect(t *testing.T, opts client.ConnOptions) *device {
	t.Helper()
	conn, err := p.Connect(t.Context(), opts)
	if err != nil {
		t.Fatalf("connect %s: %v", p.name, err)
	}
	d := &device{Conn: conn, t: t, more: make(chan struct{}), events: map[string][]*chatv1.Event{}}
	var done sync.WaitGroup
	done.Go(func() {
		for ev := range conn.Events(context.Background()) {
			d.record(ev)
		}
	})
	t.Cleanup(func() { conn.Close(); done.Wait() })
	return d
}

func (d *device) record(item any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ev, ok := item.(*chatv1.Event)
	if change, is := item.(client.StateChange); is {
		switch change.State {
		case client.Waiting:
			d.lost = time.Now()
		case client.Online:
			d.back = time.Now()
		}
	}
	if gone, is := item.(*clientv1.Gone); is {
		delete(d.events, gone.GetRoomId()) // who comes back begins anew
	}
	if !ok {
		d.other = append(d.other, item)
	} else {
		list := d.events[ev.GetRoomId()]
		if n := len(list); n > 0 && ev.GetSeq() != list[n-1].GetSeq()+1 {
			d.t.Errorf("room %s: event %d follows %d", ev.GetRoomId(), ev.GetSeq(), list[n-1].GetSeq())
		}
		d.events[ev.GetRoomId()] = append(list, ev)
	}
	close(d.more)
	d.more = make(chan struct{})
}

// until waits until found returns true; it is asked whenever something came. d.mu is held.
func (d *device) until(what string, found func() bool) {
	d.t.Helper()
	deadline := time.After(patience)
	for {
		d.mu.Lock()
		ok, more := found(), d.more
		d.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-deadline:
			d.t.Fatalf("timed out waiting for %s (%s, %v)", what, d.State(), d.Err())
		}
	}
}

// got returns the events of a room that came so far.
func (d *device) got(room string) []*chatv1.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events[room])
}

// event waits for the event with this seq.
func (d *device) event(room string, seq uint32) (ev *chatv1.Event) {
	d.t.Helper()
	d.until(fmt.Sprintf("event %d", seq), func() bool {
		i := slices.IndexFunc(d.events[room], func(e *chatv1.Event) bool { return e.GetSeq() == seq })
		if i >= 0 {
			ev = d.events[room][i]
		}
		return i >= 0
	})
	return ev
}

// knows waits until the connection follows a room: its welcome or a userEvent had it.
func (d *device) knows(room string) {
	d.t.Helper()
	d.until("the room", func() bool {
		_, seqs := d.Cursors()
		_, ok := seqs[room]
		return ok
	})
}

// item waits for something that is no event, for which ok is true.
func item[T any](d *device, what string, ok func(T) bool) (found T) {
	d.t.Helper()
	d.until(what, func() bool {
		for _, o := range d.other {
			if v, is := o.(T); is && ok(v) {
				found = v
				return true
			}
		}
		return false
	})
	return found
}

// newRoom makes a public room of this person, with others in it.
func (p *person) newRoom(tb testing.TB, others ...*person) string {
	tb.Helper()
	room, err := p.CreateRoom(tb.Context(), "room of "+p.name, "", false)
	if err != nil {
		tb.Fatalf("create a room: %v", err)
	}
	for _, o := range others {
		if _, err := o.JoinRoom(tb.Context(), room.GetId()); err != nil {
			tb.Fatalf("%s joins: %v", o.name, err)
		}
	}
	return room.GetId()
}

// say sends a message and waits for its ack.
func (d *device) say(room, content string, opts ...client.SendOption) *clientv1.Ack {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	ack, err := d.Send(ctx, room, content, opts...)
	if err != nil {
		d.t.Fatalf("send: %v", err)
	}
	return ack
}

// log reads a whole room by history: the folded messages, the oldest first.
func (d *device) history(room string) (all []*chatv1.Message) {
	d.t.Helper()
	which := client.Which{Limit: 100}
	for {
		page, err := d.Fetch(d.t.Context(), room, which)
		if err != nil {
			d.t.Fatalf("fetch: %v", err)
		}
		all = append(all, page.GetMessages()...)
		if !page.GetMore() {
			slices.Reverse(all)
			return all
		}
		which.Before = all[len(all)-1].GetSeq()
	}
}
