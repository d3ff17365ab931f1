package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// SetStatus implements store.Standings.
func (s *Store) SetStatus(ctx context.Context, id ids.User, status store.Status) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO standings (user_id, status_text, status_emoji, do_not_disturb, expires_at)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET status_text = excluded.status_text,
			status_emoji = excluded.status_emoji, do_not_disturb = excluded.do_not_disturb, expires_at = excluded.expires_at`,
			id, status.Text, status.Emoji, status.DoNotDisturb, sql.Null[int64]{V: status.ExpiresAt.UnixMilli(), Valid: !status.ExpiresAt.IsZero()})
		return err
	})
}

// Standings implements store.Standings.
func (s *Store) Standings(ctx context.Context, now time.Time, users []ids.User) ([]store.Standing, error) {
	const op = "auth.Standings"
	texts, err := json.Marshal(users)
	if err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT user_id, status_text, status_emoji, do_not_disturb, expires_at, last_seen
		FROM standings WHERE user_id IN (SELECT value FROM json_each(?))`, string(texts))
	return collect(op, rows, err, func(scan func(...any) error) (is store.Standing, err error) {
		var expires, seen sql.Null[int64]
		err = scan(&is.User, &is.Status.Text, &is.Status.Emoji, &is.Status.DoNotDisturb, &expires, &seen)
		is.Status.ExpiresAt, is.LastSeen = orNever(expires), orNever(seen)
		return is.AsOf(now), err
	})
}

// RecordSeen implements store.Standings.
func (s *Store) RecordSeen(ctx context.Context, seen map[ids.User]time.Time) error {
	at := make(map[string]int64, len(seen))
	for id, when := range seen {
		at[id.String()] = when.UnixMilli()
	}
	texts, err := json.Marshal(at)
	if err != nil {
		return fault.E(fault.Internal, "auth.RecordSeen", err)
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO standings (user_id, last_seen)
			SELECT u.id, value FROM json_each(?) JOIN users u ON u.id = key WHERE true
			ON CONFLICT (user_id) DO UPDATE SET last_seen = max(coalesce(last_seen, 0), excluded.last_seen)`, string(texts))
		return err
	})
}
