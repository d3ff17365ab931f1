package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store"
)

const identityColumns = "id, user_id, issuer, subject, email, created_at"

func scanIdentity(scan func(...any) error) (i store.Identity, err error) {
	var created int64
	err = scan(&i.ID, &i.User, &i.Issuer, &i.Subject, &i.Email, &created)
	i.CreatedAt = time.UnixMilli(created).UTC()
	return i, err
}

// AddIdentity implements store.Identities.
func (s *Store) AddIdentity(ctx context.Context, i store.Identity, by ids.Session) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := checkSession(ctx, tx, by); err != nil {
			return err
		}
		return addIdentity(ctx, tx, i)
	})
}

func addIdentity(ctx context.Context, tx *sql.Tx, i store.Identity) error {
	// The constraints decide; this only says which, under the same lock.
	var user, taken bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?),
		EXISTS (SELECT 1 FROM identities WHERE issuer = ? AND subject = ?)`, i.User, i.Issuer, i.Subject).Scan(&user, &taken)
	switch {
	case err != nil:
		return err
	case !user:
		return sql.ErrNoRows
	case taken:
		return store.ErrIdentityTaken
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO identities ("+identityColumns+") VALUES (?, ?, ?, ?, ?, ?)",
		i.ID, i.User, i.Issuer, i.Subject, i.Email, i.CreatedAt.UnixMilli())
	return err
}

// IdentityBySubject implements store.Identities.
func (s *Store) IdentityBySubject(ctx context.Context, issuer, subject string) (store.Identity, error) {
	i, err := scanIdentity(s.db.Read().QueryRowContext(ctx,
		"SELECT "+identityColumns+" FROM identities WHERE issuer = ? AND subject = ?", issuer, subject).Scan)
	return i, sqlite.MapErr("auth.IdentityBySubject", err)
}

// IdentitiesOf implements store.Identities.
func (s *Store) IdentitiesOf(ctx context.Context, user ids.User) ([]store.Identity, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+identityColumns+" FROM identities WHERE user_id = ? ORDER BY id", user)
	return collect("auth.IdentitiesOf", rows, err, scanIdentity)
}

// RemoveIdentity implements store.Identities.
func (s *Store) RemoveIdentity(ctx context.Context, user ids.User, id ids.Identity) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		removed, err := tx.ExecContext(ctx, "DELETE FROM identities WHERE id = ? AND user_id = ?", id, user)
		if err := one(removed, err, sql.ErrNoRows); err != nil {
			return err
		}
		var another bool
		var hash string
		err = tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM identities WHERE user_id = ?), password_hash FROM users WHERE id = ?",
			user, user).Scan(&another, &hash)
		if err == nil && !another && hash == "" {
			err = store.ErrLastWayIn
		}
		return err
	})
}

// UseOnce implements store.Identities.
func (s *Store) UseOnce(ctx context.Context, id string, expires, now time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM used_once WHERE expires_at < ?", now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO used_once (id, expires_at) VALUES (?, ?)", id, expires.UnixMilli())
		return err
	})
}
