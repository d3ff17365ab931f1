package load

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const (
	// chatShare is the messages a second of each user when no rate is given: one a minute, as in a lively room.
	chatShare = 1.0 / 60
	// typingShare of the messages are announced by a typing signal.
	typingShare = 0.5
	// markEvery is how often a user's read marker is moved, if there is something new.
	markEvery = 5 * time.Second
	// markers are moved by this many goroutines.
	markers = 8
	// onScreen is how many people each user watches, of those in their rooms.
	onScreen = 30
	// flapShare of the users go away from their client, or come back to it, each second.
	flapShare = 0.01
)

// chat: Rate messages a second by users at random; half of them type first; everyone's read markers follow. Everyone watches
// some of those in their rooms, of whom a few go away and come back all the time.
func (r *run) chat(ctx context.Context) error {
	for _, c := range r.clients {
		c.onEvent = func(_ *seat, sent stamp) {
			if r.measuring.Load() {
				r.deliveries.Add(1)
				r.latency.Record(r.now() - sent.due)
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
	rate := r.Rate
	if rate == 0 {
		rate = chatShare * float64(len(r.clients))
	}
	talking, cease := context.WithCancel(ctx)
	defer cease()
	g, talking := errgroup.WithContext(talking)
	g.Go(func() error { return r.flap(talking) })
	g.Go(func() error { return r.talk(talking, time.Duration(float64(time.Second)/rate)) })
	for i := range markers {
		g.Go(func() error { return r.mark(talking, i) })
	}
	err := r.measure(ctx)
	cease()
	if talkErr := g.Wait(); err == nil {
		err = talkErr
	}
	if err == nil {
		r.settled(ctx)
	}
	return err
}

// flap makes everyone watch, and then users go away or come back.
func (r *run) flap(ctx context.Context) error {
	for _, c := range r.clients {
		watch := &clientv1.Watch{}
		for _, s := range c.seats {
			for _, other := range s.room.seats[:min(onScreen, len(s.room.seats))] {
				if len(watch.UserIds) < onScreen && !slices.Contains(watch.GetUserIds(), other.conn.user) {
					watch.UserIds = append(watch.UserIds, other.conn.user)
				}
			}
		}
		if err := c.write(context.Background(), &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Watch{Watch: watch}}); err != nil {
			return err
		}
	}
	away := make([]bool, len(r.clients))
	every := time.Duration(float64(time.Second) / (flapShare * float64(len(r.clients))))
	for due := r.now(); sleep(ctx, due-r.now()); due += every {
		n := rand.IntN(len(r.clients))
		away[n] = !away[n]
		if err := r.clients[n].write(context.Background(), &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Away{Away: &clientv1.Away{Away: away[n]}}}); err != nil {
			return err
		}
	}
	return nil
}

// talk posts a message of somebody in each interval.
func (r *run) talk(ctx context.Context, every time.Duration) error {
	for due := r.now(); sleep(ctx, due-r.now()); due += every {
		room := r.rooms[rand.IntN(len(r.rooms))]
		s := room.seats[rand.IntN(len(room.seats))]
		if rand.Float64() < typingShare {
			typing := &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Typing{Typing: &clientv1.Typing{RoomId: room.id, Active: true}}}
			if err := s.conn.write(context.Background(), typing); err != nil {
				return err
			}
		}
		if err := s.conn.send(s, stamp{due: due}); err != nil {
			return err
		}
	}
	return nil
}

// mark moves the read markers of every markers-th client, spread over markEvery.
func (r *run) mark(ctx context.Context, first int) error {
	marked := map[*seat]uint32{}
	every := markEvery / time.Duration(max(1, len(r.clients)/markers))
	due := r.now()
	for {
		if first >= len(r.clients) {
			return nil
		}
		for n := first; n < len(r.clients); n += markers {
			if due += every; !sleep(ctx, due-r.now()) {
				return nil
			}
			for _, s := range r.clients[n].seats {
				last := s.last.Load()
				if last == marked[s] {
					continue
				}
				marked[s] = last
				read := &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Read{Read: &clientv1.Read{RoomId: s.room.id, Seq: last}}}
				if err := s.conn.write(context.Background(), read); err != nil {
					return err
				}
			}
		}
	}
}
