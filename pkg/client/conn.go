package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// State is where a Conn is in its life.
type State int

// The states.
const (
	Connecting State = iota // dialling, or waiting for the server's welcome
	Online
	Waiting // between two attempts
	Stopped // closed by Close, or refused by the server in a way that connecting again does not heal
)

func (s State) String() string {
	return [...]string{"connecting", "online", "waiting", "stopped"}[s]
}

// StateChange is the event of a Conn that enters a state.
type StateChange struct {
	State State
	// Err is why it is Waiting or Stopped.
	Err error
	// RetryAt is when it tries again, while Waiting.
	RetryAt time.Time
}

// ConnOptions are the choices of a Conn; the zero value is a good one.
type ConnOptions struct {
	Encoding Encoding
	// Resume continues where an earlier process stopped: the seq of the last event it handled, by room. Epoch is that of
	// the Welcome it got then. Rooms that are not listed start at their head.
	Resume map[string]uint32
	Epoch  string
}

// Conn is a live connection that heals itself. Its methods may be called from any goroutine.
type Conn struct {
	client *Client
	opts   ConnOptions
	events *queue
	wake   chan struct{} // holds a token when there may be something to write
	online chan struct{} // closed at the first welcome
	stop   context.CancelFunc
	done   chan struct{} // closed when every goroutine has ended

	mu      sync.Mutex // guards all below; taken before the queue's lock
	state   State
	lastErr error // of the last attempt; of the end, when stopped
	epoch   string
	user    *chatv1.User
	cursors cursors
	outbox  *outbox
	watched []string
	away    bool
	revs    map[string]uint32 // of read markers by room, as the program was told
	session *session          // nil when there is no socket
}

// Connect opens the live connection of the client's user. It returns when the server has welcomed it, trying again until
// then; when the server refuses for good; or when ctx ends. ctx bounds only this; the connection lives until Close.
func (c *Client) Connect(ctx context.Context, opts ConnOptions) (*Conn, error) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	conn := &Conn{
		client: c, opts: opts, events: newQueue(), wake: make(chan struct{}, 1), online: make(chan struct{}), stop: stop,
		done: make(chan struct{}), epoch: opts.Epoch, cursors: cursors{}, outbox: newOutbox(), revs: map[string]uint32{},
	}
	for room, seq := range opts.Resume {
		conn.cursors[room] = &cursor{seq: seq}
	}
	go conn.run(run)
	select {
	case <-conn.online:
		return conn, nil
	case <-conn.done:
		return nil, conn.Err()
	case <-ctx.Done():
		last := conn.Err()
		conn.Close()
		return nil, fmt.Errorf("connect: %w", errors.Join(ctx.Err(), last))
	}
}

// Close ends the connection and waits for its goroutines. Requests without an answer fail with ErrClosed.
func (c *Conn) Close() {
	c.stop()
	<-c.done
}

// Events yields what happens, in order, until ctx ends or the connection has stopped; Err then says why. Each value is
// one of
//
//	*chatv1.Event           an entry of a room's log; of each room every one, once, in seq order
//	*clientv1.Welcome       after each connect: the user's rooms (one or several of these)
//	*clientv1.CaughtUp      what was missed in a room has been delivered
//	*clientv1.Reset         too much was missed in a room, or a backup was restored: Fetch a page; events go on from HeadSeq+1
//	*clientv1.Gone          the user is no longer a member of a room, or it was deleted
//	*clientv1.UserEvent     the user joined a room, was invited to one, wants one shown in another way, saved a message,
//	                        has another name, or a read marker of theirs moved
//	*clientv1.Profile       somebody else has another name or avatar; may be lost, as may
//	*clientv1.Signal, *clientv1.Receipt, *clientv1.Presence
//	StateChange             the connection came or went
//
// One loop at a time: two would share the events. A loop may call any method of the Conn. One that does not keep up loses
// no *chatv1.Event, Reset or Gone: what does not fit into the queue (of 4096) is asked for again when it is empty.
func (c *Conn) Events(ctx context.Context) iter.Seq[any] {
	return func(yield func(any) bool) {
		for {
			event, left, ok := c.events.pop(ctx)
			if !ok {
				return
			}
			if left == 0 {
				c.queueEmptied()
			}
			c.told(event)
			if !yield(event) {
				return
			}
		}
	}
}

// State is where the connection is now.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Err is why the connection is not online; nil when it is.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

// User is who is connected.
func (c *Conn) User() *chatv1.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user
}

// Cursors returns the seq of the last event of each room that was queued for Events, and the epoch they are of.
func (c *Conn) Cursors() (epoch string, seqs map[string]uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seqs = make(map[string]uint32, len(c.cursors))
	for room, cursor := range maps.All(c.cursors) {
		seqs[room] = cursor.seq
	}
	return c.epoch, seqs
}

// run connects again and again until it may not.
func (c *Conn) run(ctx context.Context) {
	defer close(c.done)
	failures, renewed := 0, false
	for {
		c.enter(StateChange{State: Connecting})
		ended := c.serve(ctx)
		if ctx.Err() != nil {
			c.finish(ErrClosed)
			return
		}
		if ended.stable {
			failures = 0
		}
		if ended.welcomed {
			renewed = false
		}
		n := judge(ended.err)
		if n.fresh && !renewed {
			_, err := c.client.tokens.refresh(ctx, ended.token)
			if renewed = err == nil; renewed {
				continue
			}
			ended.err, n = err, judge(err)
		}
		if n.stop != nil {
			c.finish(n.stop)
			return
		}
		retryAt := ended.slot
		if retryAt.IsZero() {
			retryAt = time.Now().Add(n.wait + jitter(failures))
			failures++
		}
		c.enter(StateChange{State: Waiting, Err: ended.err, RetryAt: retryAt})
		c.client.log.InfoContext(ctx, "connection lost", "error", ended.err, "retry_in", time.Until(retryAt))
		if !sleepUntil(ctx, retryAt) {
			c.finish(ErrClosed)
			return
		}
	}
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// enter changes the state and tells the program.
func (c *Conn) enter(change StateChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enterLocked(change)
}

func (c *Conn) enterLocked(change StateChange) {
	if change.Err != nil || change.State == Online {
		c.lastErr = change.Err
	}
	c.state = change.State
	c.events.offer(change)
}

// finish ends everything that waits for an answer.
func (c *Conn) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.lastErr = Stopped, err
	c.events.push(StateChange{State: Stopped, Err: err})
	c.outbox.failAll(err)
	c.events.close()
}
