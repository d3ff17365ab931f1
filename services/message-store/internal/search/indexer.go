package search

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// stepEvents is about how many events one write to the index takes in: they take some 50 ms.
	stepEvents = 1000
	// stepBytes bounds what a room brings into memory for it.
	stepBytes = 4 << 20
	// minRest is the least rest between two steps: what is said meanwhile is one write.
	minRest = 100 * time.Millisecond
	// calm is how many times as long as a step takes the rest after it is, so that senders keep the processor; hurried is
	// that when something waits longer than maxLag.
	calm, hurried = 9, 2
	maxLag        = 30 * time.Second
	// retryAfter is the pause after a failure.
	retryAfter = time.Second
	// sweepEvery is how often all rooms are looked at: an instance may have ended before it indexed what it appended, and
	// nobody else heard of it.
	sweepEvery = 10 * time.Minute
	// sweepRooms is how many rooms one look takes; sweepAhead how many may be in the queue for it to go on.
	sweepRooms, sweepAhead = 200, 2000
)

// Log is what the indexer reads.
type Log interface {
	Rooms(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error)
	Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error)
	Feed(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Feed, error)
}

// Indexer feeds the index from the log. It hears of what this instance appends, and finds by itself what was appended
// before it came or by an instance that is gone. It is safe for concurrent use.
type Indexer struct {
	log     Log
	index   Index
	logger  *slog.Logger
	metrics *metrics
	queue   *queue
	wake    chan struct{}
	// owned has a bit for each partition whose rooms a sweep looks at; others look at the others. Each change of it asks for
	// a sweep.
	owned atomic.Uint64
	again atomic.Bool
	// indexed is how many events it took in. Only who runs the steps touches it.
	indexed int

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// NewIndexer returns an indexer. Start starts it, unless it is for Rebuild.
func NewIndexer(log Log, index Index, logger *slog.Logger, reg prometheus.Registerer) (*Indexer, error) {
	x := &Indexer{log: log, index: index, logger: logger, queue: newQueue(), wake: make(chan struct{}, 1), cancel: func() {}}
	var err error
	x.metrics, err = newMetrics(reg, x.queue)
	return x, err
}

// Start feeds the index until Close.
func (x *Indexer) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	x.cancel = cancel
	x.done.Go(func() { x.run(ctx) })
}

// Close stops feeding. What is not indexed is next time.
func (x *Indexer) Close() {
	x.cancel()
	x.done.Wait()
}

// Appended says what was appended to the log, or may have been. It costs nothing worth mentioning.
func (x *Indexer) Appended(batches []store.Batch) {
	x.queue.appended(batches)
	x.notify()
}

// Own follows a change of the partitions whose rooms this instance looks after.
func (x *Indexer) Own(gained, lost []int) {
	for _, p := range gained {
		x.owned.Or(1 << p)
	}
	for _, p := range lost {
		x.owned.And(^uint64(1 << p))
	}
	if len(gained) > 0 {
		x.again.Store(true)
		x.notify()
	}
}

func (x *Indexer) notify() {
	select {
	case x.wake <- struct{}{}:
	default: // it was told already
	}
}

func (x *Indexer) run(ctx context.Context) {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	var s *sweep
	for {
		if x.again.Swap(false) {
			s = &sweep{}
		}
		began := time.Now()
		n, err := x.step(ctx, &s)
		if ctx.Err() != nil {
			return
		}
		pause := x.rest(time.Since(began))
		if err != nil {
			x.logger.WarnContext(ctx, "the search index is not up to date; trying again", "error", err)
			pause = retryAfter
		}
		if n == 0 && err == nil && s == nil {
			select {
			case <-ctx.Done():
				return
			case <-x.wake:
			case <-every.C:
				x.again.Store(true)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// rest is how long to rest after a step that took so long.
func (x *Indexer) rest(took time.Duration) time.Duration {
	times := calm
	if _, _, since := x.queue.size(); since > 0 && time.Since(time.UnixMilli(since)) > maxLag {
		times = hurried
	}
	return max(time.Duration(times)*took, minRest)
}

// step indexes what is at the front of the queue, and returns of how many rooms; a sweep that is under way goes on.
func (x *Indexer) step(ctx context.Context, s **sweep) (rooms int, err error) {
	if *s != nil {
		over, err := x.sweep(ctx, *s)
		if err != nil {
			return 0, err
		}
		if over {
			*s = nil
		}
	}
	next := x.queue.take(stepEvents)
	if len(next) == 0 {
		return 0, nil
	}
	defer x.queue.done()
	return len(next), x.feed(ctx, next)
}

// feed indexes the next part of rooms. Those it cannot it puts back at the end of the queue: one that cannot be read holds
// up no other.
func (x *Indexer) feed(ctx context.Context, rooms []ids.Room) error {
	positions, err := x.index.Positions(ctx, rooms)
	if err != nil {
		x.putBack(rooms)
		return err
	}
	var parts []Part
	var read []ids.Room
	var errs []error
	more := map[ids.Room]behind{}
	left := stepEvents
	for _, room := range rooms {
		from := positions[room]
		f, err := x.log.Feed(ctx, room, from, max(left, 1), stepBytes)
		switch {
		case err != nil:
			errs = append(errs, err)
			x.putBack([]ids.Room{room})
			continue
		case f.Head.Seq < from:
			// The log is older than the index: it was restored.
			parts = append(parts, Part{Room: room, From: from, To: 0, Ended: true})
			more[room] = behind{int(f.Head.Seq), f.Head.CreatedAt}
		case f.To > from:
			part := Part{Room: room, From: from, To: f.To, Ended: f.Ended}
			for _, m := range f.Messages {
				part.Documents = append(part.Documents, NewDocument(m))
			}
			parts = append(parts, part)
			if f.To < f.Head.Seq || f.Ended {
				more[room] = behind{int(f.Head.Seq - f.To), f.LastAt}
			}
			left -= int(f.To - from)
		}
		read = append(read, room)
	}
	if len(parts) == 0 {
		return errors.Join(errs...)
	}
	if err := x.index.Put(ctx, parts); err != nil {
		x.putBack(read)
		return errors.Join(append(errs, err)...)
	}
	for room, b := range more {
		x.queue.add(room, b)
	}
	x.indexed += stepEvents - left
	x.metrics.indexed.Add(float64(stepEvents - left))
	return errors.Join(errs...)
}

func (x *Indexer) putBack(rooms []ids.Room) {
	for _, room := range rooms {
		x.queue.add(room, behind{1, time.Now().UnixMilli()})
	}
}

// sweep is a look at all rooms under way.
type sweep struct {
	after ids.Room
	// events is how many were not indexed.
	events int
}

// sweep puts the next rooms that the index is behind in into the queue; over: they were the last.
func (x *Indexer) sweep(ctx context.Context, s *sweep) (over bool, err error) {
	if waiting, _, _ := x.queue.size(); waiting > sweepAhead {
		return false, nil
	}
	rooms, err := x.log.Rooms(ctx, s.after, sweepRooms)
	if err != nil {
		return false, err
	}
	var mine []ids.Room
	owned := x.owned.Load()
	for _, room := range rooms {
		if owned&(1<<subject.Partition(room)) != 0 {
			mine = append(mine, room)
		}
	}
	heads, err := x.log.Heads(ctx, mine)
	if err != nil {
		return false, err
	}
	positions, err := x.index.Positions(ctx, mine)
	if err != nil {
		return false, err
	}
	for _, room := range mine {
		head, at := heads[room], positions[room]
		if head.Seq != at {
			x.queue.add(room, behind{max(int(head.Seq)-int(at), 1), head.CreatedAt})
			s.events += max(int(head.Seq)-int(at), 1)
		}
	}
	if len(rooms) == sweepRooms {
		s.after = rooms[len(rooms)-1]
		return false, nil
	}
	if s.events > stepEvents {
		x.logger.InfoContext(ctx, "the search index is behind; catching up", "events", s.events)
	}
	return true, nil
}
