package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

const roomOfPair = `SELECT ` + roomColumns + ` FROM rooms r WHERE r.pair = ?`

// Direct implements store.Access.
func (s *Store) Direct(ctx context.Context, pair room.Pair) (room.Room, error) {
	r, err := scanRoom(s.db.Read().QueryRowContext(ctx, roomOfPair, pair))
	return r, missing(err)
}

// Converse implements store.Access.
func (s *Store) Converse(ctx context.Context, r room.Room, members []store.Step, permit func(there int) error) (after room.Room, err error) {
	const count = `SELECT count(*) FROM rooms WHERE creator_id = ? AND created_at > ? AND kind <> 'room'`
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		after, err = scanRoom(tx.QueryRowContext(ctx, roomOfPair, r.Pair)) // none of no pair: NULL equals nothing
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, count, r.Creator, r.CreatedAt.Add(-room.ConversationWindow).UnixMilli()).Scan(&there); err != nil {
			return err
		}
		if err := permit(there); err != nil {
			return err
		}
		if err := insert(ctx, tx, r); err != nil {
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
	const query = `UPDATE room_members SET is_favourite = ?3, hidden_seq = ?4, notifications = ?5, preferences_rev = preferences_rev + 1
		WHERE room_id = ?1 AND user_id = ?2 RETURNING preferences_rev`
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, query, id, user, p.IsFavourite, p.HiddenSeq, p.Notifications).Scan(&p.Rev)
		if errors.Is(err, sql.ErrNoRows) {
			return room.ErrNotMember
		}
		return sqlite.MapErr("rooms.SetPreferences", err)
	})
	return p, err
}
