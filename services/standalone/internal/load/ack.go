package load

import (
	"context"
)

// ack: everyone sends a message to the first of their rooms, and the next one when that is acked.
func (r *run) ack(ctx context.Context) error {
	var senders []*sender
	for _, c := range r.clients {
		s := &sender{seat: c.seats[r.rooms[r.roomsOf(c.number)[0]].id], free: make(chan int, 1)}
		s.free <- 0
		senders = append(senders, s)
		c.onAck = func() { s.free <- 0 }
		c.onEvent = func(*seat, stamp) {
			if r.measuring.Load() {
				r.deliveries.Add(1)
			}
		}
	}
	if err := r.connectAll(ctx, "connecting", func() {}); err != nil {
		return err
	}
	return r.sendWhileMeasuring(ctx, senders, func(ctx context.Context, s *sender) error {
		select {
		case <-ctx.Done():
			return nil
		case <-s.free:
		}
		for {
			sent := r.now()
			if err := s.seat.conn.send(s.seat, stamp{due: sent}); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-s.free:
			}
			if r.measuring.Load() {
				r.acks.Add(1)
				r.ackTime.Record(r.now() - sent)
			}
		}
	})
}
