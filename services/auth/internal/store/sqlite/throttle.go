package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/natter-chat/natter/services/auth/internal/store"
)

// CountAttempt implements store.Throttle.
func (s *Store) CountAttempt(ctx context.Context, now time.Time, a store.Attempt) (known bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if a.Own.Key != nil {
			if known, err = count(ctx, tx, now, a.Own); err != nil || known {
				return err
			}
		}
		for _, l := range a.Shared {
			if _, err := count(ctx, tx, now, l); err != nil {
				return err
			}
		}
		return nil
	})
	return known && err == nil, err
}

// count adds an attempt to one counter. A wait longer than the longest was begun by a clock that has been set back since.
func count(ctx context.Context, tx *sql.Tx, now time.Time, l store.Limit) (known bool, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO throttle AS t (key, attempts, wait_until, forget_at, known_until)
		VALUES (?1, 1, 0, ?2 + ?6, 0)
		ON CONFLICT (key) DO UPDATE SET
			attempts = CASE WHEN t.forget_at <= ?2 THEN 1 ELSE t.attempts + 1 END,
			wait_until = CASE WHEN t.forget_at <= ?2 OR t.attempts < ?3 THEN 0
				ELSE ?2 + min(?4 << min(t.attempts - ?3, 20), ?5) END,
			forget_at = CASE WHEN t.forget_at <= ?2 THEN ?2 + ?6 ELSE t.forget_at END
		WHERE t.wait_until <= ?2 OR t.wait_until > ?2 + ?5
		RETURNING known_until > ?2`,
		l.Key, now.UnixMilli(), l.Free, l.Wait.Milliseconds(), l.Max.Milliseconds(), l.Forget.Milliseconds()).Scan(&known)
	if errors.Is(err, sql.ErrNoRows) {
		return false, check(ctx, tx, now, l)
	}
	return known, err
}

// check says whether an attempt would have to wait.
func check(ctx context.Context, tx *sql.Tx, now time.Time, l store.Limit) error {
	var until int64
	err := tx.QueryRowContext(ctx, "SELECT wait_until FROM throttle WHERE key = ?", l.Key).Scan(&until)
	switch wait := time.UnixMilli(until).Sub(now); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case wait > 0 && wait <= l.Max:
		return store.ErrWait(wait)
	}
	return nil
}

// ForgiveAttempt implements store.Throttle.
func (s *Store) ForgiveAttempt(ctx context.Context, a store.Attempt, knownUntil time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if a.Own.Key != nil {
			_, err := tx.ExecContext(ctx, `UPDATE throttle SET attempts = CASE WHEN ?2 THEN 0 ELSE max(attempts - 1, 0) END,
				wait_until = 0, known_until = max(known_until, ?3) WHERE key = ?1`,
				a.Own.Key, !knownUntil.IsZero(), max(knownUntil.UnixMilli(), 0))
			if err != nil {
				return err
			}
		}
		for _, l := range a.Shared {
			_, err := tx.ExecContext(ctx, "UPDATE throttle SET attempts = attempts - 1 WHERE key = ? AND attempts > 0", l.Key)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetAttempts implements store.Throttle.
func (s *Store) ForgetAttempts(ctx context.Context, now time.Time, limit int) (n int, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM throttle WHERE key IN
			(SELECT key FROM throttle WHERE max(forget_at, known_until) < ? LIMIT ?)`, now.UnixMilli(), limit)
		if err != nil {
			return err
		}
		rows, err := res.RowsAffected()
		n = int(rows)
		return err
	})
	return n, err
}
