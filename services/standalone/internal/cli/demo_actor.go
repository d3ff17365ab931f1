package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// sight is one thing that an actor saw.
type sight struct {
	seq  uint32 // 0: no event of the room
	text string
	// event is what makes it the same event for all, whatever it looks like: a message that was deleted before it was seen
	// is shown without its content.
	event string
}

// actor is a user of the demo.
type actor struct {
	name   string
	suffix string
	api    *client.Client
	conn   *client.Conn
	cable  *cable
	idle   func() // lets go of idle HTTP connections
	tasks  sync.WaitGroup

	room    string // whose events it notes
	offline bool   // of the goroutine that notes
	mu      sync.Mutex
	saw     []sight
	changed chan struct{} // closed and replaced when saw grows
}

// newActor registers a user. Names are unique on a server; the suffix makes them so, and is not shown.
func newActor(ctx context.Context, server, name, suffix string) (*actor, error) {
	a := &actor{name: name, suffix: suffix, cable: &cable{}, changed: make(chan struct{})}
	email, password := name+suffix+"@demo.example", uuid.NewString()
	transport := &http.Transport{DialContext: a.cable.dial}
	a.idle = transport.CloseIdleConnections
	options := client.Options{HTTP: &http.Client{Transport: transport}}
	options.Token = client.PasswordToken(server, email, password, options)
	var err error
	if a.api, err = client.New(server, options); err != nil {
		return nil, err
	}
	if _, err = a.api.Register(ctx, email, name+suffix, password); err != nil {
		return nil, fmt.Errorf("register %s: %w", name, err)
	}
	return a, nil
}

// connect goes online and notes from now on what it sees in a room.
func (a *actor) connect(ctx context.Context, room string, encoding client.Encoding) (err error) {
	a.room = room
	if a.conn, err = a.api.Connect(ctx, client.ConnOptions{Encoding: encoding}); err != nil {
		return fmt.Errorf("connect %s: %w", a.name, err)
	}
	a.tasks.Go(func() {
		for event := range a.conn.Events(ctx) {
			a.note(event)
		}
	})
	return nil
}

func (a *actor) close() {
	if a.conn != nil {
		a.conn.Close()
	}
	a.tasks.Wait()
	a.idle()
}

// note writes down what a person would see.
func (a *actor) note(event any) {
	switch e := event.(type) {
	case *chatv1.Event:
		if e.GetRoomId() == a.room {
			a.see(sight{
				seq: e.GetSeq(), text: strings.ReplaceAll(renderEvent(e), a.suffix, ""),
				event: fmt.Sprintf("%T %s %s", e.GetBody(), e.GetActor().GetUserId(), e.GetNonce()),
			})
		}
	case *clientv1.Signal:
		if e.GetTyping() {
			a.see(sight{text: typingSight})
		}
	case client.StateChange:
		switch {
		case e.State == client.Waiting && !a.offline:
			a.offline = true
			a.see(sight{text: offlineSight})
		case e.State == client.Online && a.offline:
			a.offline = false
			a.see(sight{text: onlineSight})
		}
	}
}

// What actors see besides events.
const (
	offlineSight = "-- the connection is lost --"
	onlineSight  = "-- back online --"
	typingSight  = "(somebody is typing…)"
)

func (a *actor) see(s sight) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.saw = append(a.saw, s)
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *actor) sights() []sight {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]sight(nil), a.saw...)
}

func (a *actor) seqs() (seqs []uint32) {
	for _, s := range a.sights() {
		if s.seq != 0 {
			seqs = append(seqs, s.seq)
		}
	}
	return seqs
}

// event is what the event with this seq was.
func (a *actor) event(seq uint32) string {
	for _, s := range a.sights() {
		if s.seq == seq {
			return s.event
		}
	}
	return ""
}

// await waits until what was seen satisfies ok.
func (a *actor) await(ctx context.Context, what string, ok func([]sight) bool) error {
	for {
		a.mu.Lock()
		done, changed := ok(a.saw), a.changed
		a.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s did not see %s: %w", a.name, what, ctx.Err())
		}
	}
}

func (a *actor) awaitSeq(ctx context.Context, seq uint32) error {
	return a.await(ctx, fmt.Sprintf("event %d", seq), func(saw []sight) bool {
		for _, s := range saw {
			if s.seq >= seq {
				return true
			}
		}
		return false
	})
}

func (a *actor) awaitText(ctx context.Context, text string) error {
	return a.await(ctx, text, func(saw []sight) bool {
		for _, s := range saw {
			if s.text == text {
				return true
			}
		}
		return false
	})
}

// cable is an actor's network, which can be cut.
type cable struct {
	mu    sync.Mutex
	conns []net.Conn
	isCut bool
}

var errCut = errors.New("the cable is cut")

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		return nil, errCut
	}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

// cut breaks every connection and lets no new one come up until mend.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = false
}
