package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Bans implements store.Store.
func (s *Store) Bans(ctx context.Context, id ids.Room, after ids.User, at time.Time, limit int) ([]room.Ban, error) {
	const op = "rooms.Bans"
	const cursor = `SELECT created_at FROM room_bans WHERE room_id = $1 AND user_id = $2`
	const sql = `SELECT user_id, banned_by, reason, created_at, expires_at FROM room_bans
		WHERE room_id = $1 AND (created_at, user_id) < (coalesce($2, 'infinity'::timestamptz), $3) AND coalesce(expires_at > $4, true)
		ORDER BY created_at DESC, user_id DESC LIMIT $5`
	var before *time.Time
	if !after.IsZero() {
		switch err := s.pool.QueryRow(ctx, cursor, id, after).Scan(&before); {
		case errors.Is(err, pgx.ErrNoRows):
			return nil, store.ErrBanCursor
		case err != nil:
			return nil, postgres.MapErr(op, err)
		}
	}
	scan := func(row pgx.CollectableRow) (b room.Ban, err error) {
		err = row.Scan(&b.User, &b.By, &b.Reason, (*instant)(&b.CreatedAt), (*instant)(&b.ExpiresAt))
		return b, err
	}
	return list(ctx, s.pool, scan, op, sql, id, before, after, at, limit)
}

// Unpurged implements store.Store.
func (s *Store) Unpurged(ctx context.Context, after ids.Room, limit int) ([]ids.Room, error) {
	const sql = `SELECT id FROM rooms r WHERE deleted_at IS NOT NULL AND purged_at IS NULL AND id > $1
		AND NOT EXISTS (SELECT 1 FROM room_outbox WHERE room_id = r.id) ORDER BY id LIMIT $2`
	return list(ctx, s.pool, pgx.RowTo[ids.Room], "rooms.Unpurged", sql, after, limit)
}

// Purged implements store.Store.
func (s *Store) Purged(ctx context.Context, id ids.Room, at time.Time) error {
	const sql = `UPDATE rooms SET purged_at = $1 WHERE id = $2 AND deleted_at IS NOT NULL`
	_, err := s.pool.Exec(ctx, sql, at, id)
	return postgres.MapErr("rooms.Purged", err)
}
