package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Direct implements store.Access.
func (s *Store) Direct(ctx context.Context, pair room.Pair) (room.Room, error) {
	return direct(ctx, s.pool, pair)
}

func direct(ctx context.Context, db db, pair room.Pair) (room.Room, error) {
	const sql = `SELECT ` + roomColumns + ` FROM rooms r WHERE r.pair = $1`
	r, err := one(ctx, db, scanRoom, "rooms.Direct", sql, pair)
	return r, missing(err)
}

// Converse implements store.Access. It holds the lock on several users, taken in one order: nobody waits in a circle.
func (s *Store) Converse(ctx context.Context, r room.Room, members []store.Step, permit func(there int) error) (after room.Room, err error) {
	const count = `SELECT count(*) FROM rooms WHERE creator_id = $1 AND created_at > $2 AND kind <> 'room' AND id <> $3`
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		isNew, err := insert(ctx, tx, r)
		if err != nil {
			return err
		}
		if !isNew {
			after, err = direct(ctx, tx, r.Pair)
			return err
		}
		users := []ids.User{r.Creator}
		for _, m := range members {
			users = append(users, m.Target)
		}
		slices.SortFunc(users, func(a, b ids.User) int { return bytes.Compare(a[:], b[:]) })
		for _, user := range slices.Compact(users) {
			if err := lockRoomsOf(ctx, tx, user); err != nil {
				return err
			}
		}
		there, err := one(ctx, tx, pgx.RowTo[int], "rooms.Converse", count, r.Creator, r.CreatedAt.Add(-room.ConversationWindow), r.ID)
		if err != nil {
			return err
		}
		if err := permit(there); err != nil {
			return err
		}
		for _, m := range members {
			if after, err = change(ctx, tx, m.By, m.Decide); err != nil {
				return err
			}
		}
		return nil
	})
	return after, err
}

// SetPreferences implements store.Access.
func (s *Store) SetPreferences(ctx context.Context, id ids.Room, user ids.User, p room.Preferences) (room.Preferences, error) {
	const sql = `UPDATE room_members SET is_favourite = $3, hidden_seq = $4, notifications = $5, preferences_rev = preferences_rev + 1
		WHERE room_id = $1 AND user_id = $2 RETURNING preferences_rev`
	rev, err := one(ctx, s.pool, pgx.RowTo[uint32], "rooms.SetPreferences", sql, id, user, p.IsFavourite, p.HiddenSeq, p.Notifications)
	p.Rev = rev
	if errors.Is(err, fault.New(fault.NotFound, "")) {
		err = room.ErrNotMember
	}
	return p, err
}
