package load

import (
	"context"
	"time"
)

const (
	// reachEvery is how often a message is due: rarely enough that a large room has taken one before the next.
	reachEvery = time.Second
	// reachFirst is when the first one is due, within what is measured.
	reachFirst = 100 * time.Millisecond
)

// reach: a member of each room writes on a schedule, the others are idle. A message that is due while members still wait
// for the last one keeps the time it was due, so that its lateness shows.
func (r *run) reach(ctx context.Context) error {
	senders := r.newSenders(1, 1)
	r.count(senders, true)
	if err := r.connectAll(ctx, "connecting", func() {}); err != nil {
		return err
	}
	return r.sendWhileMeasuring(ctx, senders, func(ctx context.Context, s *sender) error {
		for due := r.now() + r.WarmUp + reachFirst; sleep(ctx, due-r.now()); due += reachEvery {
			select {
			case <-ctx.Done():
				return nil
			case slot := <-s.free:
				if err := s.send(slot, due); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
