package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const identityColumns = "id, user_id, issuer, subject, email, created_at"

func scanIdentity(row pgx.CollectableRow) (i store.Identity, err error) {
	err = row.Scan(&i.ID, &i.User, &i.Issuer, &i.Subject, &i.Email, &i.CreatedAt)
	i.CreatedAt = i.CreatedAt.UTC()
	return i, err
}

// foreignKeyViolation is the SQLSTATE of a row that refers to none.
const foreignKeyViolation = "23503"

// AddIdentity implements store.Identities.
func (s *Store) AddIdentity(ctx context.Context, i store.Identity, by ids.Session) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := holdSession(ctx, tx, by); err != nil {
			return err
		}
		return addIdentity(ctx, tx, i)
	})
}

func addIdentity(ctx context.Context, tx pgx.Tx, i store.Identity) error {
	_, err := tx.Exec(ctx, "INSERT INTO identities ("+identityColumns+") VALUES ($1, $2, $3, $4, $5, $6)",
		i.ID, i.User, i.Issuer, i.Subject, i.Email, i.CreatedAt)
	if postgres.Constraint(err) == "identities_subject" {
		return store.ErrIdentityTaken
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == foreignKeyViolation {
		return fault.E(fault.NotFound, "auth.AddIdentity", err)
	}
	return err
}

// IdentityBySubject implements store.Identities.
func (s *Store) IdentityBySubject(ctx context.Context, issuer, subject string) (store.Identity, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+identityColumns+" FROM identities WHERE issuer = $1 AND subject = $2", issuer, subject)
	i, err := pgx.CollectExactlyOneRow(rows, scanIdentity)
	return i, postgres.MapErr("auth.IdentityBySubject", err)
}

// IdentitiesOf implements store.Identities.
func (s *Store) IdentitiesOf(ctx context.Context, user ids.User) ([]store.Identity, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+identityColumns+" FROM identities WHERE user_id = $1 ORDER BY id", user)
	list, err := pgx.CollectRows(rows, scanIdentity)
	return list, postgres.MapErr("auth.IdentitiesOf", err)
}

// RemoveIdentity implements store.Identities.
func (s *Store) RemoveIdentity(ctx context.Context, user ids.User, id ids.Identity) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		// The lock: of two who each remove what the other leaves, the second sees what the first did.
		var hash string
		if err := tx.QueryRow(ctx, "SELECT password_hash FROM users WHERE id = $1 FOR UPDATE", user).Scan(&hash); err != nil {
			return err
		}
		removed, err := tx.Exec(ctx, "DELETE FROM identities WHERE id = $1 AND user_id = $2", id, user)
		if err != nil {
			return err
		}
		if removed.RowsAffected() == 0 {
			return pgx.ErrNoRows
		}
		var another bool
		err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM identities WHERE user_id = $1)", user).Scan(&another)
		if err == nil && !another && hash == "" {
			err = store.ErrLastWayIn
		}
		return err
	})
}

// UseOnce implements store.Identities.
func (s *Store) UseOnce(ctx context.Context, id string, expires, now time.Time) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM used_once WHERE expires_at < $1", now); err != nil {
		return postgres.MapErr("auth.UseOnce", err)
	}
	_, err := s.pool.Exec(ctx, "INSERT INTO used_once (id, expires_at) VALUES ($1, $2)", id, expires)
	return postgres.MapErr("auth.UseOnce", err)
}
