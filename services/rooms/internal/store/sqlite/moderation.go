package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Bans implements store.Store.
func (s *Store) Bans(ctx context.Context, id ids.Room, after ids.User, at time.Time, limit int) ([]room.Ban, error) {
	const op = "rooms.Bans"
	const cursor = `SELECT created_at FROM room_bans WHERE room_id = ? AND user_id = ?`
	const query = `SELECT user_id, banned_by, reason, created_at, expires_at FROM room_bans
		WHERE room_id = ? AND (created_at, user_id) < (?, ?) AND coalesce(expires_at > ?, true)
		ORDER BY created_at DESC, user_id DESC LIMIT ?`
	before := int64(math.MaxInt64)
	if !after.IsZero() {
		switch err := s.db.Read().QueryRowContext(ctx, cursor, id, after).Scan(&before); {
		case errors.Is(err, sql.ErrNoRows):
			return nil, store.ErrBanCursor
		case err != nil:
			return nil, sqlite.MapErr(op, err)
		}
	}
	scan := func(row scanner) (b room.Ban, err error) {
		err = row.Scan(&b.User, &b.By, &b.Reason, (*millis)(&b.CreatedAt), (*millis)(&b.ExpiresAt))
		return b, err
	}
	return list(ctx, s.db.Read(), scan, op, query, id, before, after, at.UnixMilli(), limit)
}

// Unpurged implements store.Store.
func (s *Store) Unpurged(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error) {
	const query = `SELECT id FROM rooms r WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND id > ?
		AND NOT EXISTS (SELECT 1 FROM room_outbox WHERE room_id = r.id) ORDER BY id LIMIT ?`
	return list(ctx, s.db.Read(), scanID, "rooms.Unpurged", query, after, limit)
}

// Purged implements store.Store.
func (s *Store) Purged(ctx context.Context, id ids.Room, at time.Time) error {
	const query = `UPDATE rooms SET purged_at = ? WHERE id = ? AND deleted_at IS NOT NULL`
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, at.UnixMilli(), id)
		return err
	})
}
