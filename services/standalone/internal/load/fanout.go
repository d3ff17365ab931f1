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
	closed := r.Rate == 0
	senders := r.newSenders(r.Senders, r.Window)
	r.count(senders, closed)
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

// newSenders makes the first members of each room senders.
func (r *run) newSenders(perRoom, window int) (senders []*sender) {
	for _, room := range r.rooms {
		for _, seat := range room.seats[:perRoom] {
			s := &sender{seat: seat, ref: uint64(len(senders)) << slotBits, free: make(chan int, window), left: make([]atomic.Int32, window)}
			for slot := range window {
				s.free <- slot
			}
			senders = append(senders, s)
		}
	}
	return senders
}

// count makes the clients count what they get. With slots, the slot of a message is free again when every member has it.
func (r *run) count(senders []*sender, slots bool) {
	for _, c := range r.clients {
		c.onEvent = func(_ *seat, sent stamp) {
			took := r.now() - sent.due
			measuring := r.measuring.Load()
			if measuring {
				r.deliveries.Add(1)
				r.latency.Record(took)
			}
			if !slots {
				return
			}
			slot, s := sent.ref%(1<<slotBits), senders[sent.ref>>slotBits]
			if s.left[slot].Add(-1) == 0 {
				if measuring {
					r.reached.Record(took)
				}
				s.free <- int(slot)
			}
		}
		c.onAck = func() {
			if r.measuring.Load() {
				r.acks.Add(1)
			}
		}
	}
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

// send sends the message of a free slot, which is or was due.
func (s *sender) send(slot int, due time.Duration) error {
	s.left[slot].Store(int32(len(s.seat.room.seats)))
	return s.seat.conn.send(s.seat, stamp{due, s.ref | uint64(slot)})
}

// window keeps the window full until ctx ends.
func (s *sender) window(ctx context.Context, r *run) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case slot := <-s.free:
			if err := s.send(slot, r.now()); err != nil {
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
