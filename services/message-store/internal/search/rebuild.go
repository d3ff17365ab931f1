package search

import (
	"context"
	"math"

	"github.com/natter-chat/natter/pkg/ids"
)

// Rebuild clears the index and makes it anew from the whole log, as fast as it can. Who feeds it meanwhile may go on; what
// is not indexed yet is not found. Progress is told how many of about so many events are in it, from time to time. When it
// fails or ctx ends, the instances that run, or Start, go on where it was.
func (x *Indexer) Rebuild(ctx context.Context, progress func(events, of int)) error {
	if err := x.index.Clear(ctx); err != nil {
		return err
	}
	total, err := x.events(ctx)
	if err != nil {
		return err
	}
	x.owned.Store(math.MaxUint64)
	for s := (&sweep{}); ; {
		progress(x.indexed, max(total, x.indexed))
		rooms, err := x.step(ctx, &s)
		if err != nil {
			return err
		}
		if rooms == 0 && s == nil {
			return nil
		}
	}
}

// events is about how many events the log has.
func (x *Indexer) events(ctx context.Context) (n int, err error) {
	for after := (ids.Room{}); ; {
		rooms, err := x.log.Rooms(ctx, after, sweepRooms)
		if err != nil || len(rooms) == 0 {
			return n, err
		}
		heads, err := x.log.Heads(ctx, rooms)
		if err != nil {
			return n, err
		}
		for _, h := range heads {
			n += int(h.Seq)
		}
		after = rooms[len(rooms)-1]
	}
}
