package client

import (
	"context"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// outboxLimit is how many requests may be unanswered, over all rooms. At the content limit of 8 KiB that is 8 MiB.
	outboxLimit = 1024
	// wireWindow is how many requests may be on the wire at once, below what a server takes from one connection by default
	// (128); laneWindow of one room, so that none keeps the others out.
	wireWindow = 120
	laneWindow = 64
	// frameLimit is the server's limit of one frame; messageLimit that of several in one WebSocket message.
	frameLimit   = 64 << 10
	messageLimit = 32 << 10
)

// request is a frame that gets an answer. It is encoded once: a retry is the same bytes, the same nonce and id.
type request struct {
	id    uint32
	lane  string
	frame []byte
	// onWire: sent over the current session and not answered yet.
	onWire bool

	done   chan struct{} // closed when answer or err is set
	answer *clientv1.ServerFrame
	err    error
}

func (r *request) finish(answer *clientv1.ServerFrame, err error) {
	r.answer, r.err = answer, err
	close(r.done)
}

// wait returns the answer.
func (r *request) wait(ctx context.Context) (*clientv1.ServerFrame, error) {
	select {
	case <-r.done:
		return r.answer, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lane is the requests of one room, in the order in which they were made: those on the wire first.
type lane struct {
	requests []*request
	onWire   int // how many of them are
	// window is how many may be. A refusal for now makes it 1, each answer one more: a server that limits the rate is not
	// flooded with what it refuses, and it cannot take a later one before an earlier one that it refused.
	window int
	// held: one failed in a way that a retry heals. The later ones on the wire come back as aborted; nothing is sent until
	// all have, and then everything is sent again in order, not before retryAt.
	held     bool
	retryAt  time.Time
	failures int // in a row
}

// hold stops the lane until everything on the wire is answered, for at least wait. The answers that follow belong to the
// same failure.
func (l *lane) hold(now time.Time, wait time.Duration) {
	if !l.held {
		wait = max(wait, jitter(l.failures))
		l.failures++
	}
	l.held, l.window = true, 1
	if at := now.Add(wait); at.After(l.retryAt) {
		l.retryAt = at
	}
}

// outbox holds the requests that are not answered yet. It outlives sessions. A room is a lane, and keeps its order; what
// changes no room shares the lane "".
type outbox struct {
	lanes  map[string]*lane
	byID   map[uint32]*request
	lastID uint32
	onWire int
}

func newOutbox() *outbox { return &outbox{lanes: map[string]*lane{}, byID: map[uint32]*request{}} }

// id returns a number that is no unanswered request's.
func (o *outbox) id() uint32 {
	for {
		o.lastID++
		if _, taken := o.byID[o.lastID]; !taken && o.lastID != 0 {
			return o.lastID
		}
	}
}

// add takes a request. frame is called with its id and returns its bytes.
func (o *outbox) add(room string, frame func(id uint32) ([]byte, error)) (*request, error) {
	if len(o.byID) >= outboxLimit {
		return nil, fault.New(fault.ResourceExhausted, "%d requests are waiting for the server: wait for some of them", outboxLimit)
	}
	r := &request{id: o.id(), lane: room, done: make(chan struct{})}
	var err error
	if r.frame, err = frame(r.id); err != nil {
		return nil, err
	}
	if len(r.frame) > frameLimit {
		return nil, fault.Invalid("content", "the frame has %d bytes, more than the %d that a server takes", len(r.frame), frameLimit)
	}
	if o.lanes[room] == nil {
		o.lanes[room] = &lane{window: laneWindow}
	}
	o.lanes[room].requests = append(o.lanes[room].requests, r)
	o.byID[r.id] = r
	return r, nil
}

// remove forgets a request; one that is on the wire may still take effect.
func (o *outbox) remove(r *request) {
	l := o.lanes[r.lane]
	if o.byID[r.id] != r {
		return
	}
	delete(o.byID, r.id)
	if r.onWire {
		l.onWire--
		o.onWire--
	}
	i := slices.Index(l.requests, r)
	l.requests = slices.Delete(l.requests, i, i+1)
	if len(l.requests) == 0 {
		delete(o.lanes, r.lane)
	}
}

// answer settles the request that a frame of the server answers, or prepares its retry.
func (o *outbox) answer(f *clientv1.ServerFrame, now time.Time) {
	r, ok := o.byID[f.GetId()]
	if !ok || !r.onWire {
		return // withdrawn by its caller
	}
	l := o.lanes[r.lane]
	r.onWire = false
	l.onWire--
	o.onWire--
	e := f.GetError()
	if e != nil && retryable(fault.Code(e.GetCode())) {
		l.hold(now, time.Duration(e.GetRetryAfterMs())*time.Millisecond)
		return
	}
	l.failures = 0
	l.window = min(l.window+1, laneWindow)
	o.remove(r)
	if e != nil {
		r.finish(nil, errorOf(e))
		return
	}
	r.finish(f, nil)
}

// retryable reports whether the same request with the same nonce may succeed later.
func retryable(code fault.Code) bool {
	switch code {
	case fault.Unavailable, fault.Aborted, fault.ResourceExhausted, fault.DeadlineExceeded:
		return true
	}
	return false
}

// take appends to message what may be sent now, as far as it fits, and marks it as on the wire. again is when a held lane
// may go on; zero when none is held.
func (o *outbox) take(message []byte, now time.Time) (_ []byte, again time.Time) {
	for _, l := range o.lanes {
		if l.held && l.onWire > 0 {
			continue
		}
		if now.Before(l.retryAt) {
			if again.IsZero() || l.retryAt.Before(again) {
				again = l.retryAt
			}
			continue
		}
		l.held = false
		for _, r := range l.requests {
			if r.onWire {
				continue
			}
			if l.onWire >= l.window || o.onWire == wireWindow {
				break
			}
			if len(message) > 0 && len(message)+len(r.frame) > messageLimit {
				return message, again
			}
			message = append(message, r.frame...)
			r.onWire = true
			l.onWire++
			o.onWire++
		}
	}
	return message, again
}

// sessionEnded puts what was on the wire back: the next session sends it again.
func (o *outbox) sessionEnded() {
	o.onWire = 0
	for _, l := range o.lanes {
		l.held, l.onWire = false, 0
		for _, r := range l.requests {
			r.onWire = false
		}
	}
}

// failAll settles everything with an error.
func (o *outbox) failAll(err error) {
	for _, r := range o.byID {
		o.remove(r)
		r.finish(nil, err)
	}
}
