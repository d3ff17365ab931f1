package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Whoever adds a way into an account checks in the same transaction what it is added by; transactions that write are one
// after the other here. So nothing is added after the ways were closed that began before.

// checkProof answers ErrProof unless an account is open, and may still be entered by a proof.
func checkProof(ctx context.Context, tx *sql.Tx, id ids.User, by store.Proof) error {
	var state user.State
	var hash string
	var isLinked bool
	err := tx.QueryRowContext(ctx, `SELECT state, password_hash, EXISTS (SELECT 1 FROM identities WHERE id = ? AND user_id = users.id)
		FROM users WHERE id = ?`, by.Identity, id).Scan(&state, &hash, &isLinked)
	isGood := state == user.Active && (isLinked || by.Identity.IsZero() && hash != "" && hash == by.PasswordHash)
	if err == nil && !isGood || errors.Is(err, sql.ErrNoRows) {
		return store.ErrProof
	}
	return err
}

// checkSession answers ErrSessionEnded unless a session is live.
func checkSession(ctx context.Context, tx *sql.Tx, by ids.Session) error {
	if by.IsZero() {
		return nil
	}
	var isLive bool
	err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ? AND revoked_at IS NULL)", by).Scan(&isLive)
	if err == nil && !isLive {
		return store.ErrSessionEnded
	}
	return err
}

// closeWays ends every way into an account but its password.
func closeWays(ctx context.Context, tx *sql.Tx, id ids.User, now time.Time) (ended store.Ended, err error) {
	for _, remove := range []string{
		"DELETE FROM identities WHERE user_id = ?",
		"DELETE FROM second_factors WHERE user_id = ?",
		"DELETE FROM recovery_codes WHERE user_id = ?",
		"DELETE FROM mail_tokens WHERE user_id = ?",
	} {
		if _, err := tx.ExecContext(ctx, remove, id); err != nil {
			return ended, err
		}
	}
	if ended.Sessions, err = revokeSessions(ctx, tx, id, ids.Session{}, now); err != nil {
		return ended, err
	}
	rows, err := tx.QueryContext(ctx, "DELETE FROM api_tokens WHERE user_id IN (SELECT id FROM users WHERE id = ?1 OR bot_owner = ?1) RETURNING user_id, id", id)
	ended.Tokens = map[ids.User][]ids.Session{}
	_, err = collect("auth.closeWays", rows, err, func(scan func(...any) error) (token ids.Session, err error) {
		var owner ids.User
		err = scan(&owner, &token)
		ended.Tokens[owner] = append(ended.Tokens[owner], token)
		return token, err
	})
	return ended, err
}

// ClaimUser implements store.Identities.
func (s *Store) ClaimUser(ctx context.Context, i store.Identity) (ended store.Ended, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		claimed, err := tx.ExecContext(ctx, "UPDATE users SET password_hash = '', email_verified = 1 WHERE id = ? AND NOT email_verified", i.User)
		if err := one(claimed, err, store.ErrClaimed); err != nil {
			return err
		}
		if ended, err = closeWays(ctx, tx, i.User, i.CreatedAt); err != nil {
			return err
		}
		return addIdentity(ctx, tx, i)
	})
	return ended, err
}

// ResetPassword implements store.Accounts.
func (s *Store) ResetPassword(ctx context.Context, hash []byte, passwordHash string, now time.Time) (u user.User, ended store.Ended, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		var wasVerified bool
		u, err = useMailToken(ctx, tx, hash, store.ResetPassword, now, func(t store.MailToken, u *user.User) error {
			if u.Email.Key != t.Email.Key || u.State != user.Active {
				return sql.ErrNoRows
			}
			wasVerified, u.EmailVerified, u.PasswordHash = u.EmailVerified, true, passwordHash
			return nil
		})
		switch {
		case err != nil:
			return err
		case !wasVerified:
			ended, err = closeWays(ctx, tx, u.ID, now)
			return err
		}
		if ended.Sessions, err = revokeSessions(ctx, tx, u.ID, ids.Session{}, now); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM mail_tokens WHERE user_id = ?", u.ID)
		return err
	})
	return u, ended, err
}

// EraseUser implements store.Accounts.
func (s *Store) EraseUser(ctx context.Context, id ids.User, now time.Time) (ended store.Ended, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := updateUser(ctx, tx, id, func(u *user.User) error { *u = u.Erased(); return nil }); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM standings WHERE user_id = ?", id); err != nil {
			return err
		}
		ended, err = closeWays(ctx, tx, id, now)
		return err
	})
	return ended, err
}
