package client

import (
	"context"
	"sync"
)

// queueLimit is how many events may wait for the program. Beyond it, rooms fall behind and are resumed when the queue
// is empty, so that a slow program costs memory neither here nor on the server, and answers to requests still arrive.
const queueLimit = 4096

// queue is what the socket has brought and the program has not taken yet.
type queue struct {
	mu     sync.Mutex
	items  []any
	closed bool
	filled chan struct{} // holds a token when there may be something to take
}

func newQueue() *queue { return &queue{filled: make(chan struct{}, 1)} }

// offer appends an item unless the queue is full, and reports whether it did.
func (q *queue) offer(item any) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= queueLimit {
		return false
	}
	q.append(item)
	return true
}

// push appends an item that may not be lost and cannot be asked for again. There are few of them.
func (q *queue) push(item any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.append(item)
}

func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

func (q *queue) append(item any) {
	q.items = append(q.items, item)
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.filled <- struct{}{}:
	default:
	}
}

// close lets pop return what is left and then false.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

// pop takes the oldest item, waiting for one. left is how many remain. ok is false when ctx has ended or nothing more comes.
func (q *queue) pop(ctx context.Context) (item any, left int, ok bool) {
	for {
		if item, left, ok, closed := q.take(); ok || closed {
			return item, left, ok
		}
		select {
		case <-ctx.Done():
			return nil, 0, false
		case <-q.filled:
		}
	}
}

func (q *queue) take() (item any, left int, ok, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		if q.closed {
			q.signal() // for the next one who asks
		}
		return nil, 0, false, q.closed
	}
	item = q.items[0]
	q.items[0] = nil
	q.items = q.items[1:]
	if len(q.items) > 0 {
		q.signal()
	}
	return item, len(q.items), true, q.closed
}
