package search

import (
	"sync"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// queue is the rooms that the index is behind in, the one that has waited longest first.
type queue struct {
	mu    sync.Mutex
	rooms map[ids.Room]behind
	order []ids.Room // those of rooms
	// taken is what was taken off it and is not done.
	taken []behind
}

// behind is about how many events of a room are not indexed, and since when: that of the oldest, in milliseconds since 1970.
type behind struct {
	events int
	since  int64
}

func newQueue() *queue { return &queue{rooms: map[ids.Room]behind{}} }

// add says that a room has more.
func (q *queue) add(room ids.Room, more behind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b, ok := q.rooms[room]
	if !ok {
		q.order = append(q.order, room)
		b.since = more.since
	}
	b.events += more.events
	b.since = min(b.since, more.since)
	q.rooms[room] = b
}

// appended says what was appended.
func (q *queue) appended(batches []store.Batch) {
	for _, b := range batches {
		if len(b.Events) > 0 {
			q.add(b.Room, behind{len(b.Events), b.Events[0].CreatedAt})
		}
	}
}

// take takes rooms with about so many events off the queue. They count as waiting until done.
func (q *queue) take(events int) (rooms []ids.Room) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for ; n < len(q.order) && events > 0; n++ {
		b := q.rooms[q.order[n]]
		events -= max(b.events, 1)
		q.taken = append(q.taken, b)
		delete(q.rooms, q.order[n])
	}
	rooms = append(rooms, q.order[:n]...)
	q.order = append(q.order[:0], q.order[n:]...)
	return rooms
}

// done says that what was taken is indexed, or in the queue again.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken = q.taken[:0]
}

// size is how many rooms and events there are, and since when: 0 when there are none.
func (q *queue) size() (rooms, events int, since int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := func(b behind) {
		if events += b.events; since == 0 || b.since < since {
			since = b.since
		}
	}
	for _, b := range q.rooms {
		count(b)
	}
	for _, b := range q.taken {
		count(b)
	}
	return len(q.rooms), events, since
}
