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

const sessionColumns = "id, user_id, method, address, user_agent, created_at, last_seen, expires_at, revoked_at, family, token, recent"

func scanSession(scan func(...any) error) (s store.Session, err error) {
	var created, seen, expires int64
	var revoked sql.NullInt64
	var family, token, recent []byte
	err = scan(&s.ID, &s.User, &s.Method, &s.Client.Address, &s.Client.UserAgent, &created, &seen, &expires, &revoked, &family, &token, &recent)
	if err != nil {
		return s, err
	}
	s.CreatedAt, s.LastSeen, s.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(seen).UTC(), time.UnixMilli(expires).UTC()
	if revoked.Valid {
		s.RevokedAt = time.UnixMilli(revoked.Int64).UTC()
	}
	copy(s.Chain.Family[:], family)
	copy(s.Chain.Current[:], token)
	return s, json.Unmarshal(recent, &s.Chain.Recent)
}

func scanSessionID(scan func(...any) error) (id ids.Session, err error) {
	err = scan(&id)
	return id, err
}

// sessionState is the columns that ChangeSession writes: address, user_agent, last_seen, expires_at, revoked_at, family,
// token, recent.
func sessionState(s store.Session) ([]any, error) {
	recent, err := json.Marshal(s.Chain.Recent)
	revoked := sql.NullInt64{Int64: s.RevokedAt.UnixMilli(), Valid: !s.RevokedAt.IsZero()}
	return []any{
		s.Client.Address, s.Client.UserAgent, s.LastSeen.UnixMilli(), s.ExpiresAt.UnixMilli(), revoked,
		s.Chain.Family[:], s.Chain.Current[:], string(recent),
	}, err
}

// AddSession implements store.Sessions.
func (s *Store) AddSession(ctx context.Context, n store.Session, by store.Proof, atMost int) (ended []ids.Session, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := checkProof(ctx, tx, n.User, by); err != nil {
			return err
		}
		state, err := sessionState(n)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions (id, user_id, method, created_at, address, user_agent, last_seen, expires_at,
			revoked_at, family, token, recent) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			append([]any{n.ID, n.User, n.Method, n.CreatedAt.UnixMilli()}, state...)...)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `UPDATE sessions SET revoked_at = ?3 WHERE id IN (SELECT id FROM sessions
			WHERE user_id = ?1 AND revoked_at IS NULL AND id <> ?4 ORDER BY last_seen DESC LIMIT -1 OFFSET ?2) RETURNING id`,
			n.User, atMost-1, n.CreatedAt.UnixMilli(), n.ID)
		ended, err = collect("auth.AddSession", rows, err, scanSessionID)
		return err
	})
	return ended, err
}

// ChangeSession implements store.Sessions.
func (s *Store) ChangeSession(ctx context.Context, id ids.Session, change func(*store.Session) error) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		is, err := scanSession(tx.QueryRowContext(ctx, "SELECT "+sessionColumns+" FROM sessions WHERE id = ?", id).Scan)
		if err != nil {
			return err
		}
		if err := change(&is); err != nil {
			return err
		}
		state, err := sessionState(is)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE sessions SET address = ?, user_agent = ?, last_seen = ?, expires_at = ?, revoked_at = ?,
			family = ?, token = ?, recent = ? WHERE id = ?`, append(state, id)...)
		return err
	})
}

// LiveSessions implements store.Sessions.
func (s *Store) LiveSessions(ctx context.Context, user ids.User, now time.Time) ([]store.Session, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+sessionColumns+` FROM sessions
		WHERE user_id = ? AND revoked_at IS NULL AND expires_at > ? ORDER BY last_seen DESC, id DESC`, user, now.UnixMilli())
	return collect("auth.LiveSessions", rows, err, scanSession)
}

// RevokeSession implements store.Sessions.
func (s *Store) RevokeSession(ctx context.Context, user ids.User, id ids.Session, now time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE sessions SET revoked_at = ?3
			WHERE id = ?2 AND user_id = ?1 AND revoked_at IS NULL AND expires_at > ?3`, user, id, now.UnixMilli())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fault.New(fault.NotFound, "there is no such session")
		}
		return nil
	})
}

// RevokeSessions implements store.Sessions.
func (s *Store) RevokeSessions(ctx context.Context, user ids.User, except ids.Session, now time.Time) (ended []ids.Session, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		ended, err = revokeSessions(ctx, tx, user, except, now)
		return err
	})
	return ended, err
}

func revokeSessions(ctx context.Context, tx *sql.Tx, user ids.User, except ids.Session, now time.Time) ([]ids.Session, error) {
	rows, err := tx.QueryContext(ctx, `UPDATE sessions SET revoked_at = ?3
		WHERE user_id = ?1 AND revoked_at IS NULL AND expires_at > ?3 AND id <> ?2 RETURNING id`, user, except, now.UnixMilli())
	return collect("auth.RevokeSessions", rows, err, scanSessionID)
}

// SessionsRevokedSince implements store.Sessions.
func (s *Store) SessionsRevokedSince(ctx context.Context, since time.Time, after ids.Session, limit int) ([]store.Session, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+sessionColumns+` FROM sessions
		WHERE revoked_at >= ? AND id > ? ORDER BY id LIMIT ?`, since.UnixMilli(), after, limit)
	return collect("auth.SessionsRevokedSince", rows, err, scanSession)
}

// ForgetSessions implements store.Sessions.
func (s *Store) ForgetSessions(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < ?1
			UNION ALL SELECT id FROM sessions WHERE revoked_at < ?1 LIMIT ?2)`, before.UnixMilli(), limit)
		if err != nil {
			return err
		}
		rows, err := res.RowsAffected()
		n = int(rows)
		return err
	})
	return n, err
}
