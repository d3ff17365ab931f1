package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/lru"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxGlances bounds the memory for heads of rooms that other instances write to, in bytes.
const maxGlances = 4 << 20

// glances are the heads of rooms that other instances write to, as they were read a moment ago.
type glances struct {
	mu    sync.Mutex
	heads *lru.Cache[ids.Room, glance]
}

type glance struct {
	head store.Head
	at   time.Time
}

// Heads returns the heads of rooms: from memory those of partitions that only this instance writes to, as mine says; the
// others are read from the store at once, unless they were read after notBefore. Rooms without events are left out.
//
// What is in memory is exact but for one case: a silent owner is passed over (natter.in.any), and hears of it by the
// other's beacon, within seconds, like the gateways.
func (p *Pipeline) Heads(ctx context.Context, rooms []ids.Room, mine func(partition int) bool, notBefore time.Time) (map[ids.Room]store.Head, error) {
	heads := make(map[ids.Room]store.Head, len(rooms))
	var unknown []ids.Room
	doubts := p.beacon.count()
	for _, room := range rooms {
		isMine := mine(subject.Partition(room))
		h, exact := p.beacon.head(room)
		if !isMine {
			h, exact = p.glances.get(room, notBefore)
		}
		if exact {
			heads[room] = h
		} else {
			unknown = append(unknown, room)
		}
	}
	if len(unknown) == 0 {
		return heads, nil
	}
	began := time.Now()
	read, err := p.log.Heads(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for room, h := range read {
		heads[room] = h
		if mine(subject.Partition(room)) {
			p.beacon.learn(room, h, doubts)
		} else {
			p.glances.put(room, glance{h, began})
		}
	}
	return heads, nil
}

// Heard takes what another instance's beacon says of a room.
func (p *Pipeline) Heard(room ids.Room, seq uint32) { p.beacon.heard(room, seq) }

func (g *glances) get(room ids.Room, notBefore time.Time) (store.Head, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, ok := g.heads.Get(room)
	return last.head, ok && last.at.After(notBefore)
}

func (g *glances) put(room ids.Room, seen glance) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heads.Put(room, seen, 48)
}
