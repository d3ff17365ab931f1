package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SetStatus implements store.Standings.
func (s *Store) SetStatus(ctx context.Context, id ids.User, status store.Status) error {
	var expires *time.Time
	if !status.ExpiresAt.IsZero() {
		expires = &status.ExpiresAt
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO standings (user_id, status_text, status_emoji, do_not_disturb, expires_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET status_text = excluded.status_text,
		status_emoji = excluded.status_emoji, do_not_disturb = excluded.do_not_disturb, expires_at = excluded.expires_at`,
		id, status.Text, status.Emoji, status.DoNotDisturb, expires)
	return postgres.MapErr("auth.SetStatus", err)
}

// Standings implements store.Standings.
func (s *Store) Standings(ctx context.Context, now time.Time, users []ids.User) ([]store.Standing, error) {
	rows, _ := s.pool.Query(ctx, `SELECT user_id, status_text, status_emoji, do_not_disturb, expires_at, last_seen
		FROM standings WHERE user_id = ANY($1)`, users)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (is store.Standing, err error) {
		var expires, seen *time.Time
		err = row.Scan(&is.User, &is.Status.Text, &is.Status.Emoji, &is.Status.DoNotDisturb, &expires, &seen)
		is.Status.ExpiresAt, is.LastSeen = orNever(expires), orNever(seen)
		return is.AsOf(now), err
	})
	return list, postgres.MapErr("auth.Standings", err)
}

// RecordSeen implements store.Standings.
func (s *Store) RecordSeen(ctx context.Context, seen map[ids.User]time.Time) error {
	// In one order, so that two gateways that record the same users do not wait for each other in a circle.
	users := slices.SortedFunc(maps.Keys(seen), func(a, b ids.User) int { return slices.Compare(a[:], b[:]) })
	at := make([]time.Time, len(users))
	for i, id := range users {
		at[i] = seen[id]
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO standings (user_id, last_seen)
		SELECT u.id, new.at FROM unnest($1::uuid[], $2::timestamptz[]) AS new (id, at) JOIN users u ON u.id = new.id ORDER BY u.id
		ON CONFLICT (user_id) DO UPDATE SET last_seen = greatest(standings.last_seen, excluded.last_seen)`, users, at)
	return postgres.MapErr("auth.RecordSeen", err)
}
