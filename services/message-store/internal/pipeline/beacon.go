package pipeline

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// beaconEvery is half of the 10 s within which a lost last event must be found.
	beaconEvery = 5 * time.Second
	// activeFor is how long after its last event a room is in the beacons.
	activeFor = 5 * time.Minute
	// maxHeads is how many heads of a partition are kept when their rooms are silent; about 100 bytes each.
	maxHeads = 4096
	// maxBeacon is how many rooms one beacon names: 45 bytes each, far below what a message of the bus may have.
	maxBeacon = 5000
)

// beacon knows the heads of rooms. It says those of the rooms that were written to lately again and again: an event whose
// publication was lost is noticed by its seq. The others it keeps for those who ask.
type beacon struct {
	bus Publisher
	now func() time.Time

	mu    sync.Mutex
	rooms [subject.Partitions]map[ids.Room]lastKnown
	// doubts counts what may make a head that is being read too old.
	doubts int
}

// lastKnown is what is known of a room.
type lastKnown struct {
	head    store.Head
	members int
	// exact: this is what the lane builds on. Otherwise another instance may have gone on.
	exact bool
}

func newBeacon(bus Publisher, now func() time.Time) *beacon {
	b := &beacon{bus: bus, now: now}
	for p := range b.rooms {
		b.rooms[p] = map[ids.Room]lastKnown{}
	}
	return b
}

// note takes the head of a room as the store has it.
func (b *beacon) note(room ids.Room, head store.Head, members int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[subject.Partition(room)][room] = lastKnown{head: head, members: members, exact: true}
}

// learn takes the head of a room that was read from the store, unless something else is known or came into doubt since:
// doubts is their count before the reading began.
func (b *beacon) learn(room ids.Room, head store.Head, doubts int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	rooms := b.rooms[subject.Partition(room)]
	a, ok := rooms[room]
	if b.doubts != doubts || a.exact || head.Seq < a.head.Seq || !ok && len(rooms) >= maxHeads {
		return
	}
	rooms[room] = lastKnown{head: head, members: a.members, exact: true}
}

// heard takes the head of a room from another instance's beacon. If it is ahead, that instance has written to the room
// when its owner was silent.
func (b *beacon) heard(room ids.Room, seq uint32) {
	if a := b.get(room); a.exact && a.head.Seq < seq {
		b.doubt(room)
	}
}

// doubt says that the room's head may have moved on without us.
func (b *beacon) doubt(room ids.Room) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubts++
	if a, ok := b.rooms[subject.Partition(room)][room]; ok {
		a.exact = false
		b.rooms[subject.Partition(room)][room] = a
	}
}

// count is how many doubts there were.
func (b *beacon) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.doubts
}

// forget stops speaking of a partition: its new owner does.
func (b *beacon) forget(partition int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doubts++
	clear(b.rooms[partition])
}

// head is the head of a room, if it is known for certain.
func (b *beacon) head(room ids.Room) (store.Head, bool) {
	a := b.get(room)
	return a.head, a.exact
}

func (b *beacon) get(room ids.Room) lastKnown {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rooms[subject.Partition(room)][room]
}

func (b *beacon) run(ctx context.Context) {
	tick := time.NewTicker(beaconEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for partition := range subject.Partitions {
				b.publish(partition)
			}
		}
	}
}

// publish says the heads of a partition. A beacon that is lost is followed by the next.
func (b *beacon) publish(partition int) {
	heads := b.active(partition)
	for len(heads) > 0 {
		n := min(len(heads), maxBeacon)
		if data, err := proto.Marshal(&busv1.Beacon{Heads: heads[:n]}); err == nil {
			_ = b.bus.Publish(subject.Head(partition), data)
		}
		heads = heads[n:]
	}
}

// active returns the active rooms of a partition, and drops others when they are too many.
func (b *beacon) active(partition int) (heads []*busv1.RoomHead) {
	old := b.now().Add(-activeFor).UnixMilli()
	b.mu.Lock()
	defer b.mu.Unlock()
	for room, a := range b.rooms[partition] {
		if a.head.CreatedAt < old {
			if len(b.rooms[partition]) > maxHeads {
				delete(b.rooms[partition], room)
			}
			continue
		}
		heads = append(heads, &busv1.RoomHead{RoomId: room.String(), Seq: a.head.Seq})
	}
	return heads
}
