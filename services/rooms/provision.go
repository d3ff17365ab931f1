package rooms

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// NewRoom is a public room for Provision to make. Its members join in this order; the first one owns it.
type NewRoom struct {
	Name    string
	Members []*chatv1.UserRef
}

const (
	// placements is how many members join in one transaction: others, the running service among them, wait meanwhile.
	placements = 1000
	// deliveryPoll is how often Provision looks whether the logs have everything, stalled how long it waits for the next
	// change to get there.
	deliveryPoll = 50 * time.Millisecond
	stalled      = 30 * time.Second
)

// Provision writes rooms straight into rooms's store and returns their ids. It is for those who own the database, as the
// load generator does: no request reaches it, and no limit is asked. Every member is a change of the room with a version
// and a row of the outbox, as if they had joined. The running rooms delivers them into the logs, as it does after a crash,
// and Provision waits for that; Unavailable: it does not. joined is told of members as they are written; it may be nil.
// Of cfg it uses the store.
func Provision(ctx context.Context, cfg Config, rooms []NewRoom, joined func(n int)) (list []string, err error) {
	s, err := cfg.openStore(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	var made []ids.Room
	for _, r := range rooms {
		id, err := provision(ctx, s, r, joined)
		if err != nil {
			return nil, fmt.Errorf("make room %s: %w", r.Name, err)
		}
		made = append(made, id)
		list = append(list, id.String())
	}
	return list, delivered(ctx, s, made)
}

func provision(ctx context.Context, s store.Store, r NewRoom, joined func(n int)) (id ids.Room, err error) {
	at := time.Now().UTC().Truncate(time.Millisecond)
	var steps []store.Step
	for _, m := range r.Members {
		user, err := ids.ParseUser(m.GetId())
		if err != nil {
			return id, fmt.Errorf("member %s: %w", m.GetUsername(), err)
		}
		steps = append(steps, store.Step{By: store.By{Actor: user, Target: user, At: at}, Decide: room.Place(m)})
	}
	if len(steps) == 0 {
		return id, fault.Invalid("members", "a room has at least one")
	}
	id = ids.New[ids.Room]()
	owner := steps[0]
	if _, err := s.Create(ctx, room.Room{
		ID: id, Kind: role.Room, Settings: room.Settings{Name: r.Name}, Creator: owner.Target, CreatedAt: at,
	}, owner.Decide); err != nil {
		return id, err
	}
	for i := range steps {
		steps[i].Room = id
	}
	for chunk := range slices.Chunk(steps, placements) {
		if _, err := s.ChangeAll(ctx, chunk); err != nil {
			return id, err
		}
		if joined != nil {
			joined(len(chunk))
		}
	}
	return id, nil
}

// delivered returns when no change of these rooms waits any more.
func delivered(ctx context.Context, s store.Store, rooms []ids.Room) error {
	tick := time.NewTicker(deliveryPoll)
	defer tick.Stop()
	var last uint32 // the oldest version that waits, of the first room that has one
	for progress := time.Now(); len(rooms) > 0; {
		waiting, err := s.Pending(ctx, rooms[0], 1)
		switch {
		case err != nil:
			return err
		case len(waiting) == 0:
			rooms, last, progress = rooms[1:], 0, time.Now()
			continue
		case waiting[0].Version != last:
			last, progress = waiting[0].Version, time.Now()
		case time.Since(progress) > stalled:
			return fault.New(fault.Unavailable, "the members are written, but nobody brings them into the rooms' logs: are rooms and message-store running on this database?")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
