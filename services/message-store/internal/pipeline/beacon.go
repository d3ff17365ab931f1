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
	// maxBeacon is how many rooms one beacon names: 45 bytes each, far below what a message of the bus may have.
	maxBeacon = 5000
)

// beacon knows the heads of the rooms that were written to lately, and says them again and again: an event whose
// publication was lost is noticed by its seq.
type beacon struct {
	bus Publisher
	now func() time.Time

	mu    sync.Mutex
	rooms [subject.Partitions]map[ids.Room]active
}

// active is a room that was written to lately.
type active struct {
	head    store.Head
	members int
	// exact: this is what the lane builds on. Otherwise another instance may have gone on.
	exact bool
}

func newBeacon(bus Publisher, now func() time.Time) *beacon {
	b := &beacon{bus: bus, now: now}
	for p := range b.rooms {
		b.rooms[p] = map[ids.Room]active{}
	}
	return b
}

// note takes the head of a room as the store has it.
func (b *beacon) note(room ids.Room, head store.Head, members int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rooms[subject.Partition(room)][room] = active{head: head, members: members, exact: true}
}

// doubt says that the room's head may have moved on without us.
func (b *beacon) doubt(room ids.Room) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.rooms[subject.Partition(room)][room]; ok {
		a.exact = false
		b.rooms[subject.Partition(room)][room] = a
	}
}

// forget stops speaking of a partition: its new owner does.
func (b *beacon) forget(partition int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.rooms[partition])
}

// head is the head of a room, if it is known for certain.
func (b *beacon) head(room ids.Room) (store.Head, bool) {
	a := b.get(room)
	return a.head, a.exact
}

func (b *beacon) get(room ids.Room) active {
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

// active returns the active rooms of a partition and drops the others.
func (b *beacon) active(partition int) (heads []*busv1.RoomHead) {
	old := b.now().Add(-activeFor).UnixMilli()
	b.mu.Lock()
	defer b.mu.Unlock()
	for room, a := range b.rooms[partition] {
		if a.head.CreatedAt < old {
			delete(b.rooms[partition], room)
			continue
		}
		heads = append(heads, &busv1.RoomHead{RoomId: room.String(), Seq: a.head.Seq})
	}
	return heads
}
