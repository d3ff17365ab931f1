package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// SignUp implements store.Accounts.
func (s *Store) SignUp(ctx context.Context, u user.User, inviteOnly bool, invitation []byte) (user.Role, error) {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		var hasOwner bool
		if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'owner')").Scan(&hasOwner); err != nil {
			return err
		}
		if !hasOwner {
			u.Role = user.Owner
		} else if inviteOnly {
			used, err := tx.ExecContext(ctx, "UPDATE invitations SET uses = uses + 1 WHERE hash = ? AND uses < max_uses AND expires_at > ?",
				invitation, u.CreatedAt.UnixMilli())
			if err := one(used, err, store.ErrNotInvited); err != nil {
				return err
			}
		}
		return createUser(ctx, tx, u)
	})
	return u.Role, err
}

// UpdateUser implements store.Accounts.
func (s *Store) UpdateUser(ctx context.Context, id ids.User, change func(*user.User) error) (u user.User, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		u, err = updateUser(ctx, tx, id, change)
		return err
	})
	return u, err
}

func updateUser(ctx context.Context, tx *sql.Tx, id ids.User, change func(*user.User) error) (user.User, error) {
	u, err := scanUser(tx.QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE id = ?", id).Scan)
	if err != nil {
		return u, err
	}
	if err := change(&u); err != nil {
		return u, err
	}
	if err := checkNames(ctx, tx, u); err != nil {
		return u, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE users SET email = ?, email_key = ?, email_verified = ?, username = ?, username_key = ?,
		avatar = ?, password_hash = ?, role = ?, state = ? WHERE id = ?`, u.Email.Text, u.Email.Key, u.EmailVerified,
		u.Username.Text, u.Username.Key, u.Avatar, u.PasswordHash, u.Role, u.State, id)
	return u, err
}

// HandOver implements store.Accounts.
func (s *Store) HandOver(ctx context.Context, from, to ids.User) error {
	lost := fault.E(fault.Conflict, "auth.HandOver", sql.ErrNoRows)
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		was, err := tx.ExecContext(ctx, "UPDATE users SET role = 'admin' WHERE id = ? AND role = 'owner'", from)
		if err := one(was, err, lost); err != nil {
			return err
		}
		is, err := tx.ExecContext(ctx, "UPDATE users SET role = 'owner' WHERE id = ? AND state = 'active'", to)
		return one(is, err, lost)
	})
}

// Users implements store.Accounts.
func (s *Store) Users(ctx context.Context, after ids.User, limit int) ([]user.User, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+userColumns+" FROM users WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	return collect("auth.Users", rows, err, scanUser)
}

const mailTokenColumns = "user_id, purpose, hash, email, email_key, created_at, expires_at"

func scanMailToken(scan func(...any) error) (t store.MailToken, err error) {
	var created, expires int64
	err = scan(&t.User, &t.Purpose, &t.Hash, &t.Email.Text, &t.Email.Key, &created, &expires)
	t.CreatedAt, t.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
	return t, err
}

// PutMailToken implements store.Accounts.
func (s *Store) PutMailToken(ctx context.Context, t store.MailToken, by ids.Session, pause time.Duration) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := checkSession(ctx, tx, by); err != nil {
			return err
		}
		put, err := tx.ExecContext(ctx, "INSERT INTO mail_tokens ("+mailTokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (user_id, purpose) DO UPDATE SET hash = excluded.hash, email = excluded.email, email_key = excluded.email_key,
			created_at = excluded.created_at, expires_at = excluded.expires_at WHERE mail_tokens.created_at <= ?`,
			t.User, t.Purpose, t.Hash, t.Email.Text, t.Email.Key, t.CreatedAt.UnixMilli(), t.ExpiresAt.UnixMilli(),
			t.CreatedAt.Add(-pause).UnixMilli())
		return one(put, err, store.ErrMailedBefore)
	})
}

const goodMailToken = "SELECT " + mailTokenColumns + " FROM mail_tokens WHERE hash = ? AND purpose = ? AND expires_at > ?"

// MailToken implements store.Accounts.
func (s *Store) MailToken(ctx context.Context, hash []byte, purpose store.MailPurpose, now time.Time) (store.MailToken, error) {
	t, err := scanMailToken(s.db.Read().QueryRowContext(ctx, goodMailToken, hash, purpose, now.UnixMilli()).Scan)
	return t, sqlite.MapErr("auth.MailToken", err)
}

// UseMailToken implements store.Accounts.
func (s *Store) UseMailToken(ctx context.Context, hash []byte, purpose store.MailPurpose, now time.Time,
	change func(store.MailToken, *user.User) error,
) (u user.User, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		u, err = useMailToken(ctx, tx, hash, purpose, now, change)
		return err
	})
	return u, err
}

func useMailToken(ctx context.Context, tx *sql.Tx, hash []byte, purpose store.MailPurpose, now time.Time,
	change func(store.MailToken, *user.User) error,
) (user.User, error) {
	t, err := scanMailToken(tx.QueryRowContext(ctx, goodMailToken, hash, purpose, now.UnixMilli()).Scan)
	if err != nil {
		return user.User{}, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE hash = ?", hash); err != nil {
		return user.User{}, err
	}
	return updateUser(ctx, tx, t.User, func(u *user.User) error { return change(t, u) })
}

// DropMailTokens implements store.Accounts.
func (s *Store) DropMailTokens(ctx context.Context, id ids.User) error {
	return s.exec(ctx, nil, "DELETE FROM mail_tokens WHERE user_id = ?", id)
}

// AddInvitation implements store.Accounts.
func (s *Store) AddInvitation(ctx context.Context, i store.Invitation) error {
	return s.exec(ctx, nil, `INSERT INTO invitations (id, hash, created_by, note, uses, max_uses, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, i.ID, i.Hash, i.CreatedBy, i.Note, i.Uses, i.MaxUses, i.CreatedAt.UnixMilli(), i.ExpiresAt.UnixMilli())
}

// Invitations implements store.Accounts.
func (s *Store) Invitations(ctx context.Context, before ids.Invitation, limit int) ([]store.Invitation, error) {
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT id, hash, created_by, note, uses, max_uses, created_at, expires_at
		FROM invitations WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit)
	return collect("auth.Invitations", rows, err, func(scan func(...any) error) (i store.Invitation, err error) {
		var created, expires int64
		err = scan(&i.ID, &i.Hash, &i.CreatedBy, &i.Note, &i.Uses, &i.MaxUses, &created, &expires)
		i.CreatedAt, i.ExpiresAt = time.UnixMilli(created).UTC(), time.UnixMilli(expires).UTC()
		return i, err
	})
}

// DeleteInvitation implements store.Accounts.
func (s *Store) DeleteInvitation(ctx context.Context, id ids.Invitation) error {
	return s.exec(ctx, sql.ErrNoRows, "DELETE FROM invitations WHERE id = ?", id)
}

// DeleteExpired implements store.Accounts.
func (s *Store) DeleteExpired(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, expired := range []string{
			"DELETE FROM mail_tokens WHERE expires_at <= ?", "DELETE FROM invitations WHERE expires_at <= ?", "DELETE FROM api_tokens WHERE expires_at <= ?",
		} {
			gone, err := tx.ExecContext(ctx, expired, now.UnixMilli())
			if err != nil {
				return err
			}
			some, err := gone.RowsAffected()
			if err != nil {
				return err
			}
			n += some
		}
		return nil
	})
	return n, err
}

// exec runs one statement. When it changed nothing, that is unchanged.
func (s *Store) exec(ctx context.Context, unchanged error, statement string, args ...any) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, statement, args...)
		return one(done, err, unchanged)
	})
}

// one is err, or unchanged when a statement changed nothing.
func one(done sql.Result, err, unchanged error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		return unchanged
	}
	return err
}
