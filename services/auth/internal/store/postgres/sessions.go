package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/refresh"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const sessionColumns = "id, user_id, method, address, user_agent, created_at, last_seen, expires_at, revoked_at, family, token, recent"

func scanSession(row pgx.CollectableRow) (s store.Session, err error) {
	var revoked *time.Time
	var family, token []byte
	err = row.Scan(&s.ID, &s.User, &s.Method, &s.Client.Address, &s.Client.UserAgent, &s.CreatedAt, &s.LastSeen, &s.ExpiresAt,
		&revoked, &family, &token, &s.Chain.Recent)
	if revoked != nil {
		s.RevokedAt = revoked.UTC()
	}
	s.CreatedAt, s.LastSeen, s.ExpiresAt = s.CreatedAt.UTC(), s.LastSeen.UTC(), s.ExpiresAt.UTC()
	copy(s.Chain.Family[:], family)
	copy(s.Chain.Current[:], token)
	return s, err
}

// optional is NULL for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// recent is what is stored of used tokens: [] for none, never null.
func recent(c refresh.Chain) []refresh.Use { return append([]refresh.Use{}, c.Recent...) }

// AddSession implements store.Sessions.
func (s *Store) AddSession(ctx context.Context, n store.Session, by store.Proof, atMost int) (ended []ids.Session, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := checkProof(ctx, tx, n.User, by); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO sessions ("+sessionColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
			n.ID, n.User, n.Method, n.Client.Address, n.Client.UserAgent, n.CreatedAt, n.LastSeen, n.ExpiresAt, optional(n.RevokedAt),
			n.Chain.Family[:], n.Chain.Current[:], recent(n.Chain))
		if err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, `UPDATE sessions SET revoked_at = $3 WHERE user_id = $1 AND revoked_at IS NULL AND id IN (SELECT id FROM sessions
			WHERE user_id = $1 AND revoked_at IS NULL AND id <> $4 ORDER BY last_seen DESC OFFSET $2) RETURNING id`,
			n.User, atMost-1, n.CreatedAt, n.ID)
		ended, err = pgx.CollectRows(rows, pgx.RowTo[ids.Session])
		return err
	})
	return ended, err
}

// ChangeSession implements store.Sessions.
func (s *Store) ChangeSession(ctx context.Context, id ids.Session, change func(*store.Session) error) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE id = $1 FOR UPDATE", id)
		is, err := pgx.CollectExactlyOneRow(rows, scanSession)
		if err != nil {
			return err
		}
		if err := change(&is); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sessions SET address = $2, user_agent = $3, last_seen = $4, expires_at = $5, revoked_at = $6,
			family = $7, token = $8, recent = $9 WHERE id = $1`,
			id, is.Client.Address, is.Client.UserAgent, is.LastSeen, is.ExpiresAt, optional(is.RevokedAt),
			is.Chain.Family[:], is.Chain.Current[:], recent(is.Chain))
		return err
	})
}

// LiveSessions implements store.Sessions.
func (s *Store) LiveSessions(ctx context.Context, user ids.User, now time.Time) ([]store.Session, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+sessionColumns+` FROM sessions
		WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY last_seen DESC, id DESC`, user, now)
	list, err := pgx.CollectRows(rows, scanSession)
	return list, postgres.MapErr("auth.LiveSessions", err)
}

// RevokeSession implements store.Sessions.
func (s *Store) RevokeSession(ctx context.Context, user ids.User, id ids.Session, now time.Time) error {
	tag, err := s.pool.Exec(ctx, `UPDATE sessions SET revoked_at = $3
		WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL AND expires_at > $3`, user, id, now)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "there is no such session")
	}
	return postgres.MapErr("auth.RevokeSession", err)
}

// RevokeSessions implements store.Sessions.
func (s *Store) RevokeSessions(ctx context.Context, user ids.User, except ids.Session, now time.Time) ([]ids.Session, error) {
	list, err := revokeSessions(ctx, s.pool, user, except, now)
	return list, postgres.MapErr("auth.RevokeSessions", err)
}

// querier is a transaction, or the pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func revokeSessions(ctx context.Context, db querier, user ids.User, except ids.Session, now time.Time) ([]ids.Session, error) {
	rows, _ := db.Query(ctx, `UPDATE sessions SET revoked_at = $3
		WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3 AND id <> $2 RETURNING id`, user, except, now)
	return pgx.CollectRows(rows, pgx.RowTo[ids.Session])
}

// SessionsRevokedSince implements store.Sessions.
func (s *Store) SessionsRevokedSince(ctx context.Context, since time.Time, after ids.Session, limit int) ([]store.Session, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+sessionColumns+` FROM sessions
		WHERE revoked_at >= $1 AND id > $2 ORDER BY id LIMIT $3`, since, after, limit)
	list, err := pgx.CollectRows(rows, scanSession)
	return list, postgres.MapErr("auth.SessionsRevokedSince", err)
}

// ForgetSessions implements store.Sessions.
func (s *Store) ForgetSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.pool.Exec(ctx, `DELETE FROM sessions WHERE id IN (
		(SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2) UNION ALL (SELECT id FROM sessions WHERE revoked_at < $1 LIMIT $2) LIMIT $2)`,
		before, limit)
	return int(tag.RowsAffected()), postgres.MapErr("auth.ForgetSessions", err)
}
