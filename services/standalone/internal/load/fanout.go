package load

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sender is a member that sends. In the closed loop each message it has in flight has a slot of its window.
type sender struct {
	seat *seat
	ref  uint64
	free chan int
	left []atomic.Int32 // by slot: members that do not have the message yet
}

// slotBits is the part of a stamp's ref that holds the slot.
const slotBits = 16

// fanout: the senders of each room write, all members read.
func (r *run) fanout(ctx context.Context) error {
	var senders []*sender
	for _, room := range r.rooms {
		for _, seat := range room.seats[:r.Senders] {
			s := &sender{seat: seat, ref: uint64(len(senders)) << slotBits, free: make(chan int, r.Window), left: make([]atomic.Int32, r.Window)}
			for slot := range r.Window {
				s.free <- slot
			}
			senders = append(senders, s)
		}
	}
	closed := r.Rate == 0
	for _, c := range r.clients {
		c.onEvent = func(_ *seat, sent stamp) {
			if r.measuring.Load() {
				r.deliveries.Add(1)
				r.latency.Record(r.now() - sent.due)
			}
			if slot := sent.ref % (1 << slotBits); closed {
				if s := senders[sent.ref>>slotBits]; s.left[slot].Add(-1) == 0 {
					s.free <- int(slot)
				}
			}
		}
		c.onAck = func() {
			if r.measuring.Load() {
				r.acks.Add(1)
			}
		}
	}
	if err := r.connectAll(ctx, "connecting", func() {}); err != nil {
		return err
	}
	loop := func(ctx context.Context, s *sender) error { return s.window(ctx, r) }
	if !closed {
		messages := r.Rate / float64(r.Users) // a second
		every := time.Duration(float64(len(senders)) / messages * float64(time.Second))
		loop = func(ctx context.Context, s *sender) error {
			// Senders begin one after the other, so that the load is even.
			return s.schedule(ctx, r, every*time.Duration(s.ref>>slotBits)/time.Duration(len(senders)), every)
		}
	}
	return r.sendWhileMeasuring(ctx, senders, loop)
}

// sendWhileMeasuring runs the loop of each sender until the measurement is over, and waits for what is under way.
func (r *run) sendWhileMeasuring(ctx context.Context, senders []*sender, loop func(context.Context, *sender) error) error {
	sending, cease := context.WithCancel(ctx)
	defer cease()
	g, sending := errgroup.WithContext(sending)
	for _, s := range senders {
		g.Go(func() error { return loop(sending, s) })
	}
	err := r.measure(ctx)
	cease()
	if sendErr := g.Wait(); err == nil {
		err = sendErr
	}
	if err == nil {
		r.settled(ctx)
	}
	return err
}

// window keeps the window full until ctx ends.
func (s *sender) window(ctx context.Context, r *run) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case slot := <-s.free:
			s.left[slot].Store(int32(len(s.seat.room.seats)))
			if err := s.seat.conn.send(s.seat, stamp{r.now(), s.ref | uint64(slot)}); err != nil {
				return err
			}
		}
	}
}

// schedule sends when it is due: after first, then every so often, until ctx ends. A message that is late keeps the time
// it was due, so that its lateness shows.
func (s *sender) schedule(ctx context.Context, r *run, first, every time.Duration) error {
	for due := r.now() + first; ; due += every {
		if !sleep(ctx, due-r.now()) {
			return nil
		}
		if err := s.seat.conn.send(s.seat, stamp{due, s.ref}); err != nil {
			return err
		}
	}
}
