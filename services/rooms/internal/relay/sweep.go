package relay

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/ids"
)

const (
	// sweepPage is how many rooms are looked up at once, sweepLanes how many are delivered at the same time: enough to
	// work off an outage within minutes, little beside the users' own changes.
	sweepPage  = 64
	sweepLanes = 4
)

// Run delivers what was left in the outbox, until ctx ends.
func (r *Relay) Run(ctx context.Context) {
	var after ids.Room
	for {
		more, failed := r.sweep(ctx, &after)
		r.measure(ctx)
		if more && !failed && ctx.Err() == nil {
			continue
		}
		// Instances spread out, so that they seldom meet in a room.
		timer := time.NewTimer(r.interval/2 + rand.N(r.interval))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// sweep delivers the next page of rooms with old rows, above after, and moves it. The rooms take turns even when some
// fail: the next sweep goes on where this one ended.
func (r *Relay) sweep(ctx context.Context, after *ids.Room) (more, failed bool) {
	rooms, err := r.outbox.Stale(ctx, time.Now().Add(-r.age), *after, sweepPage)
	if err != nil {
		if ctx.Err() == nil {
			r.log.Warn("cannot read the outbox", "error", err)
		}
		return false, true
	}
	if len(rooms) < sweepPage {
		*after = ids.Room{} // the end: from the start again
	} else {
		*after, more = rooms[len(rooms)-1], true
	}
	var lanes errgroup.Group // one error does not stop the others
	lanes.SetLimit(sweepLanes)
	for _, room := range rooms {
		lanes.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.Deliver(ctx, room, everything)
		})
	}
	err = lanes.Wait()
	if err != nil && ctx.Err() == nil {
		r.log.Warn("changes of rooms wait for their logs; trying again", "error", err)
	}
	return more, err != nil
}

// measure shows how much waits.
func (r *Relay) measure(ctx context.Context) {
	b, err := r.outbox.Backlog(ctx)
	if err != nil {
		return // sweep reported it
	}
	age := 0.0
	if b.Rows > 0 {
		age = time.Since(b.Oldest).Seconds()
	}
	r.metrics.rows.Set(float64(b.Rows))
	r.metrics.oldest.Set(age)
}
