package session

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

var errClosed = fault.New(fault.Unavailable, "the connection is closed")

// keepFrames is the space for frames that an idle queue keeps, 16 bytes each: enough that a common event allocates nothing,
// little enough for many idle connections.
const keepFrames = 8

// queue is what waits to be written to one connection, bounded in bytes. Its writer is started with the first frame, and
// ends when it finds the queue empty: an idle connection has none.
type queue struct {
	encoding wire.Encoding
	limit    int
	total    *atomic.Int64 // bytes in all queues of the gateway
	start    func()        // starts the writer; called under mu, and not after close

	mu      sync.Mutex
	frames  []queued
	size    int
	writing bool
	closed  bool
	drained chan struct{} // closed when at most half is taken; nil while nobody waits
}

// queued is a frame and what it was counted as: a frame that is blanked meanwhile gets shorter.
type queued struct {
	frame *feed.Frame
	size  int
}

// push puts a frame in. It is false when the frame did not fit: the connection is to be closed as too slow, and this is said
// once. While at most half is taken, any frame fits.
func (q *queue) push(f *feed.Frame) bool {
	n := len(f.Bytes(q.encoding))
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true
	}
	if q.size > q.limit/2 && q.size+n > q.limit {
		q.closeLocked()
		return false
	}
	q.add(f, n)
	return true
}

// pushPaced puts a frame in once at most half of the queue is taken: it never closes a connection, however large the frame.
// It fails when ctx ends or the queue is closed.
func (q *queue) pushPaced(ctx context.Context, f *feed.Frame) error {
	n := len(f.Bytes(q.encoding))
	return q.whenDrained(ctx, func() { q.add(f, n) })
}

// add puts a frame of n bytes in. q.mu is held, and the queue is not closed.
func (q *queue) add(f *feed.Frame, n int) {
	q.frames = append(q.frames, queued{f, n})
	q.size += n
	q.total.Add(int64(n))
	if !q.writing {
		q.writing = true
		q.start()
	}
}

// take joins the frames at the front into one message of at most maxSize bytes (or one frame, if it alone is larger). When
// there is none, the writer must end. first is the first of them, for measurements.
func (q *queue) take(message []byte, maxSize int) (_ []byte, first *feed.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for ; n < len(q.frames); n++ {
		b := q.frames[n].frame.Bytes(q.encoding)
		if n > 0 && len(message)+1+len(b) > maxSize {
			break
		}
		message = q.encoding.Join(message, b)
		q.size -= q.frames[n].size
		q.total.Add(-int64(q.frames[n].size))
	}
	if n == 0 {
		q.writing = false
		if cap(q.frames) > keepFrames {
			q.frames = nil
		}
		return message, nil
	}
	first = q.frames[0].frame
	q.frames = q.frames[:copy(q.frames, q.frames[n:])]
	clear(q.frames[len(q.frames):cap(q.frames)])
	if q.drained != nil && q.size <= q.limit/2 {
		close(q.drained)
		q.drained = nil
	}
	return message, first
}

// wait returns when at most half of the queue is taken, with an error when ctx ends or the queue is closed.
func (q *queue) wait(ctx context.Context) error { return q.whenDrained(ctx, func() {}) }

// whenDrained calls do, under the lock, when at most half of the queue is taken.
func (q *queue) whenDrained(ctx context.Context, do func()) error {
	for {
		q.mu.Lock()
		if q.closed {
			q.mu.Unlock()
			return errClosed
		}
		if q.size <= q.limit/2 {
			do()
			q.mu.Unlock()
			return nil
		}
		if q.drained == nil {
			q.drained = make(chan struct{})
		}
		ch := q.drained
		q.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ch:
		}
	}
}

// idle reports whether everything has been handed to the socket.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed || !q.writing
}

// close drops what is queued; frames that come later are ignored.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked()
}

func (q *queue) closeLocked() {
	q.total.Add(-int64(q.size))
	q.frames, q.size, q.closed = nil, 0, true
	if q.drained != nil {
		close(q.drained)
		q.drained = nil
	}
}
