package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

// lane is one goroutine that owns the states of its rooms and makes one append at a time.
type lane struct {
	p      *Pipeline
	inbox  chan *request
	loaded chan loaded
	done   sync.WaitGroup
	// forgotten has a bit for every partition whose states are to be dropped.
	forgotten atomic.Uint64

	rooms   map[ids.Room]*entry
	ready   []*request // of warm rooms, in order
	loading int
	waiting int
}

// entry is a room of a lane: warm (state) or being loaded, with those who wait for it.
type entry struct {
	state *room.State
	// partial: only the changes that came with the state are ready; everybody else waits for the next load.
	partial bool
	waiting []*request
	used    time.Time
}

func newLane(p *Pipeline) *lane {
	return &lane{p: p, inbox: make(chan *request, maxQueue), loaded: make(chan loaded, maxLoads), rooms: map[ids.Room]*entry{}}
}

// run works until the inbox is closed and everything in it is answered.
func (l *lane) run(ctx context.Context) {
	evict := time.NewTicker(forgetAfter / 10)
	defer evict.Stop()
	inbox := l.inbox
	for inbox != nil || l.loading > 0 || len(l.ready) > 0 {
		if len(l.ready) == 0 {
			select { // nothing to do: wait
			case r, ok := <-inbox:
				if !ok {
					inbox = nil
					continue
				}
				l.take(ctx, r)
			case done := <-l.loaded:
				l.install(ctx, done)
			case <-evict.C:
				l.evict()
			}
		}
		inbox = l.gather(ctx, inbox)
		l.commit(ctx)
	}
}

// gather takes what has arrived, without waiting, until a commit is full. It returns nil when the inbox is closed.
func (l *lane) gather(ctx context.Context, inbox chan *request) chan *request {
	if partitions := l.forgotten.Swap(0); partitions != 0 {
		l.forget(partitions)
	}
	for commands(l.ready) < l.p.cfg.MaxBatch {
		select {
		case r, ok := <-inbox:
			if !ok {
				return nil
			}
			l.take(ctx, r)
		case done := <-l.loaded:
			l.install(ctx, done)
		default:
			return inbox
		}
	}
	return inbox
}

func commands(requests []*request) (n int) {
	for _, r := range requests {
		n += len(r.commands)
	}
	return n
}

// take puts a request where its turn comes: those of a warm room are ready, others wait for the room.
func (l *lane) take(ctx context.Context, r *request) {
	e := l.rooms[r.room]
	if e == nil {
		e = &entry{}
		l.rooms[r.room] = e
		l.load(ctx, r.room)
	}
	if e.state != nil && !e.partial {
		l.admit(ctx, e, r)
		return
	}
	if l.waiting >= maxQueue {
		r.fail(l.p, tooMuch())
		return
	}
	l.wait(e, r)
}

// admit makes a request of a warm room ready, or lets it look.
func (l *lane) admit(ctx context.Context, e *entry, r *request) {
	e.used = l.p.cfg.Now()
	switch {
	case r.look == nil:
		l.ready = append(l.ready, r)
	case e.state.Head().Version >= r.version:
		r.look(e.state, nil)
	default: // the log has changes that this state does not know
		l.again(ctx, []*request{r}, errBehind)
	}
}

var errBehind = errors.New("the state is behind the log")

// again drops the state of a room and lets these requests start over once it is loaded anew, and behind them, in order,
// those of the room that are ready. Cause is told to those who have tried often enough. Changes that came with the state
// go with it: the next one brings them again, if anybody still waits for it.
func (l *lane) again(ctx context.Context, requests []*request, cause error) {
	id := requests[0].room
	e := l.rooms[id]
	e.state, e.partial = nil, false
	l.p.beacon.doubt(id)
	for _, r := range requests {
		r.restart(cause)
		switch {
		case !r.awaited():
		case r.attempts >= maxAttempts:
			r.fail(l.p, unavailable("pipeline", cause))
		default:
			l.wait(e, r)
		}
	}
	l.ready = slices.DeleteFunc(l.ready, func(r *request) bool {
		if r.room == id && r.awaited() {
			l.wait(e, r)
		}
		return r.room == id
	})
	if len(e.waiting) == 0 {
		delete(l.rooms, id)
		return
	}
	l.load(ctx, id)
}

func (l *lane) wait(e *entry, r *request) {
	l.waiting++
	e.waiting = append(e.waiting, r)
}

// evict forgets rooms that nobody has used for a while.
func (l *lane) evict() {
	old := l.p.cfg.Now().Add(-forgetAfter)
	for id, e := range l.rooms {
		if e.state != nil && len(e.waiting) == 0 && e.used.Before(old) {
			delete(l.rooms, id)
		}
	}
}

// forget drops the states of these partitions, but not of rooms that have commands ready: they find out by themselves.
func (l *lane) forget(partitions uint64) {
	busy := map[ids.Room]bool{}
	for _, r := range l.ready {
		busy[r.room] = true
	}
	for id, e := range l.rooms {
		if e.state != nil && len(e.waiting) == 0 && !busy[id] && partitions&(1<<subject.Partition(id)) != 0 {
			delete(l.rooms, id)
		}
	}
}

// One bit per partition.
const _ = uint(64 - subject.Partitions)
