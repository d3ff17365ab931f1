package postgres

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/audit"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

// AppendAudit implements store.Audit.
func (s *Store) AppendAudit(ctx context.Context, e audit.Event) error {
	_, err := s.pool.Exec(ctx, "INSERT INTO audit_events (at, kind, user_id, actor_id, address, detail) VALUES ($1, $2, $3, $4, $5, $6)",
		e.At, e.Kind, orNull(e.User), orNull(e.Actor), e.Address, e.Detail)
	return postgres.MapErr("auth.AppendAudit", err)
}

// AuditEvents implements store.Audit.
func (s *Store) AuditEvents(ctx context.Context, q store.AuditQuery) ([]audit.Event, error) {
	const events = "SELECT id, at, kind, user_id, actor_id, address, detail FROM audit_events WHERE id < $1"
	before := cmp.Or(q.Before, math.MaxInt64)
	var rows pgx.Rows
	switch {
	case !q.User.IsZero():
		rows, _ = s.pool.Query(ctx, events+" AND user_id = $2 AND ($3 = '' OR kind = $3) ORDER BY id DESC LIMIT $4",
			before, q.User, q.Kind, q.Limit)
	case q.Kind != "":
		rows, _ = s.pool.Query(ctx, events+" AND kind = $2 ORDER BY id DESC LIMIT $3", before, q.Kind, q.Limit)
	default:
		rows, _ = s.pool.Query(ctx, events+" ORDER BY id DESC LIMIT $2", before, q.Limit)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e audit.Event, err error) {
		var user, actor *ids.User
		err = row.Scan(&e.ID, &e.At, &e.Kind, &user, &actor, &e.Address, &e.Detail)
		e.At, e.User, e.Actor = e.At.UTC(), orZero(user), orZero(actor)
		return e, err
	})
	return list, postgres.MapErr("auth.AuditEvents", err)
}

// ForgetAudit implements store.Audit.
func (s *Store) ForgetAudit(ctx context.Context, before time.Time, limit int) (int, error) {
	tag, err := s.pool.Exec(ctx, "DELETE FROM audit_events WHERE id IN (SELECT id FROM audit_events WHERE at < $1 ORDER BY at LIMIT $2)", before, limit)
	return int(tag.RowsAffected()), postgres.MapErr("auth.ForgetAudit", err)
}

// orNull is an id as a column that may be empty.
func orNull(id ids.User) *ids.User {
	if id.IsZero() {
		return nil
	}
	return &id
}

// orZero is the inverse of orNull.
func orZero(id *ids.User) ids.User {
	if id == nil {
		return ids.User{}
	}
	return *id
}
