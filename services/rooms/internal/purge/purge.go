// Package purge has the logs of deleted rooms wiped. message-store does that, when it is asked, and it is asked until it has.
package purge

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

const (
	// page is how many rooms are looked up at once.
	page = 64
	// patience is how long one call may take. A large room takes several.
	patience = 30 * time.Second
)

// Store knows what is to be purged.
type Store interface {
	Unpurged(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error)
	Purged(ctx context.Context, id ids.Room, at time.Time) error
}

// Sweep purges. Any number of instances may do so at the same time.
type Sweep struct {
	store  Store
	client *rpc.Client
	log    *slog.Logger
	// interval is between two sweeps.
	interval time.Duration
}

// New returns a sweep that asks message-store through client.
func New(store Store, client *rpc.Client, log *slog.Logger) *Sweep {
	return &Sweep{store: store, client: client, log: log, interval: 2 * time.Second}
}

// Run purges what is deleted, until ctx ends.
func (s *Sweep) Run(ctx context.Context) {
	for {
		s.sweep(ctx)
		// Instances spread out, so that they seldom do the same.
		timer := time.NewTimer(s.interval/2 + rand.N(s.interval))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// sweep asks for each room once; one that fails does not keep up the others.
func (s *Sweep) sweep(ctx context.Context) {
	failed, last := 0, error(nil)
	for after, more := (ids.Room{}), true; more && ctx.Err() == nil; {
		rooms, err := s.store.Unpurged(ctx, after, page)
		if err != nil {
			failed, last = failed+1, err
		}
		for _, room := range rooms {
			after = room
			if err := s.purge(ctx, room); err != nil {
				failed, last = failed+1, err
			}
		}
		more = len(rooms) == page
	}
	if failed > 0 && ctx.Err() == nil {
		s.log.Warn("logs of deleted rooms are not purged yet; trying again", "rooms", failed, "error", last)
	}
}

func (s *Sweep) purge(ctx context.Context, room ids.Room) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req := &messagestorev1.PurgeRoomRequest{RoomId: room.String()}
	if _, err := rpc.Call[*messagestorev1.PurgeRoomResponse](ctx, s.client, "message-store", "PurgeRoom", req); err != nil {
		return err
	}
	return s.store.Purged(ctx, room, time.Now().UTC().Truncate(time.Millisecond))
}
