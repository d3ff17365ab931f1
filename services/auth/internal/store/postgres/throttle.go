package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// CountAttempt implements store.Throttle.
func (s *Store) CountAttempt(ctx context.Context, now time.Time, a store.Attempt) (known bool, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if a.Own.Key != nil {
			if known, err = count(ctx, tx, now, a.Own); err != nil || known {
				return err
			}
		}
		for _, l := range inOrder(a.Shared) {
			if _, err := count(ctx, tx, now, l); err != nil {
				return err
			}
		}
		return nil
	})
	return known && err == nil, err
}

// inOrder are limits in the order in which every transaction locks their rows.
func inOrder(limits []store.Limit) []store.Limit {
	return slices.SortedFunc(slices.Values(limits), func(a, b store.Limit) int { return bytes.Compare(a.Key, b.Key) })
}

// count adds an attempt to one counter, which its row's lock makes wait for those under way. A wait longer than the
// longest was begun by a clock that has been set back since.
func count(ctx context.Context, tx pgx.Tx, now time.Time, l store.Limit) (known bool, err error) {
	err = tx.QueryRow(ctx, `INSERT INTO throttle AS t (key, attempts, wait_until, forget_at, known_until)
		VALUES ($1, 1, 0, $2::bigint + $6::bigint, 0)
		ON CONFLICT (key) DO UPDATE SET
			attempts = CASE WHEN t.forget_at <= $2 THEN 1 ELSE t.attempts + 1 END,
			wait_until = CASE WHEN t.forget_at <= $2 OR t.attempts < $3::int THEN 0
				ELSE $2 + least($4::bigint << least(t.attempts - $3, 20), $5::bigint) END,
			forget_at = CASE WHEN t.forget_at <= $2 THEN $2 + $6 ELSE t.forget_at END
		WHERE t.wait_until <= $2 OR t.wait_until > $2 + $5
		RETURNING known_until > $2`,
		l.Key, now.UnixMilli(), l.Free, l.Wait.Milliseconds(), l.Max.Milliseconds(), l.Forget.Milliseconds()).Scan(&known)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, check(ctx, tx, now, l)
	}
	return known, err
}

// check says whether an attempt would have to wait.
func check(ctx context.Context, tx pgx.Tx, now time.Time, l store.Limit) error {
	var until int64
	err := tx.QueryRow(ctx, "SELECT wait_until FROM throttle WHERE key = $1", l.Key).Scan(&until)
	switch wait := time.UnixMilli(until).Sub(now); {
	case errors.Is(err, pgx.ErrNoRows):
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
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if a.Own.Key != nil {
			_, err := tx.Exec(ctx, `UPDATE throttle SET attempts = CASE WHEN $2 THEN 0 ELSE greatest(attempts - 1, 0) END,
				wait_until = 0, known_until = greatest(known_until, $3) WHERE key = $1`,
				a.Own.Key, !knownUntil.IsZero(), max(knownUntil.UnixMilli(), 0))
			if err != nil {
				return err
			}
		}
		for _, l := range inOrder(a.Shared) {
			_, err := tx.Exec(ctx, "UPDATE throttle SET attempts = attempts - 1 WHERE key = $1 AND attempts > 0", l.Key)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ForgetAttempts implements store.Throttle.
func (s *Store) ForgetAttempts(ctx context.Context, now time.Time, limit int) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM throttle WHERE key = ANY (ARRAY (SELECT key FROM throttle
		WHERE greatest(forget_at, known_until) < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`, now.UnixMilli(), limit)
	return int(tag.RowsAffected()), postgres.MapErr("auth.ForgetAttempts", err)
}
