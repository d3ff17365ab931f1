package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// AppendAudit implements store.Audit.
func (s *Store) AppendAudit(ctx context.Context, e audit.Event) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO audit_events (at, kind, user_id, actor_id, address, detail) VALUES (?, ?, ?, ?, ?, ?)",
			e.At.UnixMilli(), e.Kind, orNull(e.User), orNull(e.Actor), e.Address, e.Detail)
		return err
	})
}

// AuditEvents implements store.Audit.
func (s *Store) AuditEvents(ctx context.Context, q store.AuditQuery) ([]audit.Event, error) {
	const events = "SELECT id, at, kind, user_id, actor_id, address, detail FROM audit_events WHERE id < ?1"
	before := cmp.Or(q.Before, math.MaxInt64)
	var rows *sql.Rows
	var err error
	switch {
	case !q.User.IsZero():
		rows, err = s.db.Read().QueryContext(ctx, events+" AND user_id = ?2 AND (?3 = '' OR kind = ?3) ORDER BY id DESC LIMIT ?4",
			before, q.User, q.Kind, q.Limit)
	case q.Kind != "":
		rows, err = s.db.Read().QueryContext(ctx, events+" AND kind = ?2 ORDER BY id DESC LIMIT ?3", before, q.Kind, q.Limit)
	default:
		rows, err = s.db.Read().QueryContext(ctx, events+" ORDER BY id DESC LIMIT ?2", before, q.Limit)
	}
	return collect("auth.AuditEvents", rows, err, func(scan func(...any) error) (e audit.Event, err error) {
		var at int64
		var user, actor sql.Null[ids.User]
		err = scan(&e.ID, &at, &e.Kind, &user, &actor, &e.Address, &e.Detail)
		e.At, e.User, e.Actor = time.UnixMilli(at).UTC(), user.V, actor.V
		return e, err
	})
}

// ForgetAudit implements store.Audit.
func (s *Store) ForgetAudit(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE at < ? ORDER BY at LIMIT ?)",
			before.UnixMilli(), limit)
		if err != nil {
			return err
		}
		rows, err := res.RowsAffected()
		n = int(rows)
		return err
	})
	return n, err
}

// orNull is an id as a column that may be empty.
func orNull(id ids.User) sql.Null[ids.User] { return sql.Null[ids.User]{V: id, Valid: !id.IsZero()} }
