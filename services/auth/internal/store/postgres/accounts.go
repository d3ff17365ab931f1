package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// SignUp implements store.Accounts.
func (s *Store) SignUp(ctx context.Context, u user.User, inviteOnly bool, invitation []byte) (user.Role, error) {
	for {
		role, err := s.signUp(ctx, u, inviteOnly, invitation)
		if postgres.Constraint(err) == "users_owner" {
			continue // somebody else was first, and is there for the next try
		}
		return role, mapUserErr("auth.SignUp", err)
	}
}

func (s *Store) signUp(ctx context.Context, u user.User, inviteOnly bool, invitation []byte) (user.Role, error) {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var hasOwner bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM users WHERE role = 'owner') /* scan: an index of one row */").Scan(&hasOwner); err != nil {
			return err
		}
		if !hasOwner {
			u.Role = user.Owner
		} else if inviteOnly {
			used, err := tx.Exec(ctx, "UPDATE invitations SET uses = uses + 1 WHERE hash = $1 AND uses < max_uses AND expires_at > $2",
				invitation, u.CreatedAt)
			if err := one(used, err, store.ErrNotInvited); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, insertUser, userValues(u)...)
		return err
	})
	return u.Role, err
}

// UpdateUser implements store.Accounts.
func (s *Store) UpdateUser(ctx context.Context, id ids.User, change func(*user.User) error) (u user.User, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		u, err = updateUser(ctx, tx, id, change)
		return err
	})
	return u, mapUserErr("auth.UpdateUser", err)
}

func updateUser(ctx context.Context, tx pgx.Tx, id ids.User, change func(*user.User) error) (user.User, error) {
	rows, _ := tx.Query(ctx, "SELECT "+userColumns+" FROM users WHERE id = $1 FOR UPDATE", id)
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if err != nil {
		return u, err
	}
	if err := change(&u); err != nil {
		return u, err
	}
	_, err = tx.Exec(ctx, `UPDATE users SET email = $2, email_key = $3, email_verified = $4, username = $5, username_key = $6,
		avatar = $7, password_hash = $8, role = $9, state = $10 WHERE id = $1`, id, u.Email.Text, u.Email.Key, u.EmailVerified,
		u.Username.Text, u.Username.Key, u.Avatar, u.PasswordHash, u.Role, u.State)
	return u, err
}

// HandOver implements store.Accounts.
func (s *Store) HandOver(ctx context.Context, from, to ids.User) error {
	lost := fault.E(fault.Conflict, "auth.HandOver", pgx.ErrNoRows)
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		was, err := tx.Exec(ctx, "UPDATE users SET role = 'admin' WHERE id = $1 AND role = 'owner'", from)
		if err := one(was, err, lost); err != nil {
			return err
		}
		is, err := tx.Exec(ctx, "UPDATE users SET role = 'owner' WHERE id = $1 AND state = 'active'", to)
		return one(is, err, lost)
	})
}

// Users implements store.Accounts.
func (s *Store) Users(ctx context.Context, after ids.User, limit int) ([]user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
	users, err := pgx.CollectRows(rows, scanUser)
	return users, postgres.MapErr("auth.Users", err)
}

const mailTokenColumns = "user_id, purpose, hash, email, email_key, created_at, expires_at"

func scanMailToken(row pgx.CollectableRow) (t store.MailToken, err error) {
	err = row.Scan(&t.User, &t.Purpose, &t.Hash, &t.Email.Text, &t.Email.Key, &t.CreatedAt, &t.ExpiresAt)
	t.CreatedAt, t.ExpiresAt = t.CreatedAt.UTC(), t.ExpiresAt.UTC()
	return t, err
}

// PutMailToken implements store.Accounts.
func (s *Store) PutMailToken(ctx context.Context, t store.MailToken, by ids.Session, pause time.Duration) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := holdSession(ctx, tx, by); err != nil {
			return err
		}
		put, err := tx.Exec(ctx, "INSERT INTO mail_tokens ("+mailTokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (user_id, purpose) DO UPDATE SET hash = excluded.hash, email = excluded.email, email_key = excluded.email_key,
			created_at = excluded.created_at, expires_at = excluded.expires_at WHERE mail_tokens.created_at <= $8`,
			t.User, t.Purpose, t.Hash, t.Email.Text, t.Email.Key, t.CreatedAt, t.ExpiresAt, t.CreatedAt.Add(-pause))
		return one(put, err, store.ErrMailedBefore)
	})
}

const goodMailToken = "SELECT " + mailTokenColumns + " FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3"

// MailToken implements store.Accounts.
func (s *Store) MailToken(ctx context.Context, hash []byte, purpose store.MailPurpose, now time.Time) (store.MailToken, error) {
	rows, _ := s.pool.Query(ctx, goodMailToken, hash, purpose, now)
	t, err := pgx.CollectExactlyOneRow(rows, scanMailToken)
	return t, postgres.MapErr("auth.MailToken", err)
}

// UseMailToken implements store.Accounts.
func (s *Store) UseMailToken(ctx context.Context, hash []byte, purpose store.MailPurpose, now time.Time,
	change func(store.MailToken, *user.User) error,
) (u user.User, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		u, err = useMailToken(ctx, tx, hash, purpose, now, change)
		return err
	})
	return u, mapUserErr("auth.UseMailToken", err)
}

func useMailToken(ctx context.Context, tx pgx.Tx, hash []byte, purpose store.MailPurpose, now time.Time,
	change func(store.MailToken, *user.User) error,
) (user.User, error) {
	rows, _ := tx.Query(ctx, "DELETE FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING "+mailTokenColumns,
		hash, purpose, now)
	t, err := pgx.CollectExactlyOneRow(rows, scanMailToken)
	if err != nil {
		return user.User{}, err
	}
	return updateUser(ctx, tx, t.User, func(u *user.User) error { return change(t, u) })
}

// DropMailTokens implements store.Accounts.
func (s *Store) DropMailTokens(ctx context.Context, id ids.User) error {
	return s.exec(ctx, "auth.DropMailTokens", nil, "DELETE FROM mail_tokens WHERE user_id = $1", id)
}

// AddInvitation implements store.Accounts.
func (s *Store) AddInvitation(ctx context.Context, i store.Invitation) error {
	return s.exec(ctx, "auth.AddInvitation", nil, `INSERT INTO invitations (id, hash, created_by, note, uses, max_uses, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, i.ID, i.Hash, i.CreatedBy, i.Note, i.Uses, i.MaxUses, i.CreatedAt, i.ExpiresAt)
}

// Invitations implements store.Accounts.
func (s *Store) Invitations(ctx context.Context, before ids.Invitation, limit int) ([]store.Invitation, error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	rows, _ := s.pool.Query(ctx, `SELECT id, hash, created_by, note, uses, max_uses, created_at, expires_at
		FROM invitations WHERE id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i store.Invitation, err error) {
		err = row.Scan(&i.ID, &i.Hash, &i.CreatedBy, &i.Note, &i.Uses, &i.MaxUses, &i.CreatedAt, &i.ExpiresAt)
		i.CreatedAt, i.ExpiresAt = i.CreatedAt.UTC(), i.ExpiresAt.UTC()
		return i, err
	})
	return list, postgres.MapErr("auth.Invitations", err)
}

// DeleteInvitation implements store.Accounts.
func (s *Store) DeleteInvitation(ctx context.Context, id ids.Invitation) error {
	return s.exec(ctx, "auth.DeleteInvitation", pgx.ErrNoRows, "DELETE FROM invitations WHERE id = $1", id)
}

// DeleteExpired implements store.Accounts.
func (s *Store) DeleteExpired(ctx context.Context, now time.Time) (n int64, err error) {
	for _, expired := range []string{
		"DELETE FROM mail_tokens WHERE expires_at <= $1", "DELETE FROM invitations WHERE expires_at <= $1", "DELETE FROM api_tokens WHERE expires_at <= $1",
	} {
		gone, err := s.pool.Exec(ctx, expired, now)
		if err != nil {
			return n, postgres.MapErr("auth.DeleteExpired", err)
		}
		n += gone.RowsAffected()
	}
	return n, nil
}

// exec runs one statement. When it changed nothing, that is unchanged.
func (s *Store) exec(ctx context.Context, op string, unchanged error, statement string, args ...any) error {
	done, err := s.pool.Exec(ctx, statement, args...)
	return postgres.MapErr(op, one(done, err, unchanged))
}

// one is err, or unchanged when a statement changed nothing.
func one(done pgconn.CommandTag, err, unchanged error) error {
	if err == nil && done.RowsAffected() == 0 {
		return unchanged
	}
	return err
}
