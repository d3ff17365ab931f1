package pipeline

import (
	"context"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Heads returns the heads of rooms: from memory those of partitions that only this instance writes to, as mine says; the
// others are read from the store at once. Rooms without events are left out.
//
// What is in memory is exact but for one case: a silent owner is passed over (natter.in.any), and hears of it by the
// other's beacon, within seconds, like the gateways.
func (p *Pipeline) Heads(ctx context.Context, rooms []ids.Room, mine func(partition int) bool) (map[ids.Room]store.Head, error) {
	heads := make(map[ids.Room]store.Head, len(rooms))
	var unknown []ids.Room
	p.beacon.mu.Lock()
	doubts := p.beacon.doubts
	p.beacon.mu.Unlock()
	for _, room := range rooms {
		if h, exact := p.beacon.head(room); exact && mine(subject.Partition(room)) {
			heads[room] = h
		} else {
			unknown = append(unknown, room)
		}
	}
	if len(unknown) == 0 {
		return heads, nil
	}
	read, err := p.log.Heads(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for room, h := range read {
		heads[room] = h
		if mine(subject.Partition(room)) {
			p.beacon.learn(room, h, doubts)
		}
	}
	return heads, nil
}

// Heard takes what another instance's beacon says of a room.
func (p *Pipeline) Heard(room ids.Room, seq uint32) { p.beacon.heard(room, seq) }
