package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Whoever adds a way into an account shares a lock on its row, and checks under it what it is added by; whoever closes the
// ways has the lock alone. So nothing is added after they were closed that began before.

// checkProof holds an account, if it is open and may still be entered by a proof: else ErrProof.
func checkProof(ctx context.Context, tx pgx.Tx, id ids.User, by store.Proof) error {
	var state user.State
	var hash string
	err := tx.QueryRow(ctx, "SELECT state, password_hash FROM users WHERE id = $1 FOR SHARE", id).Scan(&state, &hash)
	isGood := state == user.Active && (!by.Identity.IsZero() || hash != "" && hash == by.PasswordHash)
	if err == nil && isGood && !by.Identity.IsZero() {
		err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM identities WHERE id = $1 AND user_id = $2)", by.Identity, id).Scan(&isGood)
	}
	if err == nil && !isGood || errors.Is(err, pgx.ErrNoRows) {
		return store.ErrProof
	}
	return err
}

// holdSession holds the account that a session is of, if the session is live: else ErrSessionEnded.
func holdSession(ctx context.Context, tx pgx.Tx, by ids.Session) error {
	if by.IsZero() {
		return nil
	}
	_, err := tx.Exec(ctx, "SELECT FROM users WHERE id = (SELECT user_id FROM sessions WHERE id = $1) FOR SHARE", by)
	if err != nil {
		return err
	}
	var isLive bool
	err = tx.QueryRow(ctx, "SELECT revoked_at IS NULL FROM sessions WHERE id = $1", by).Scan(&isLive)
	if err == nil && !isLive || errors.Is(err, pgx.ErrNoRows) {
		return store.ErrSessionEnded
	}
	return err
}

// closeWays ends every way into an account but its password. The caller has changed the account's row, and so holds it.
func closeWays(ctx context.Context, tx pgx.Tx, id ids.User, now time.Time) (ended store.Ended, err error) {
	for _, remove := range []string{
		"DELETE FROM identities WHERE user_id = $1",
		"DELETE FROM second_factors WHERE user_id = $1",
		"DELETE FROM recovery_codes WHERE user_id = $1",
		"DELETE FROM mail_tokens WHERE user_id = $1",
	} {
		if _, err := tx.Exec(ctx, remove, id); err != nil {
			return ended, err
		}
	}
	if ended.Sessions, err = revokeSessions(ctx, tx, id, ids.Session{}, now); err != nil {
		return ended, err
	}
	rows, _ := tx.Query(ctx, "DELETE FROM api_tokens WHERE user_id IN (SELECT id FROM users WHERE id = $1 OR bot_owner = $1) RETURNING user_id, id", id)
	var owner ids.User
	var token ids.Session
	ended.Tokens = map[ids.User][]ids.Session{}
	_, err = pgx.ForEachRow(rows, []any{&owner, &token}, func() error {
		ended.Tokens[owner] = append(ended.Tokens[owner], token)
		return nil
	})
	return ended, err
}

// ClaimUser implements store.Identities.
func (s *Store) ClaimUser(ctx context.Context, i store.Identity) (ended store.Ended, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		claimed, err := tx.Exec(ctx, "UPDATE users SET password_hash = '', email_verified = true WHERE id = $1 AND NOT email_verified", i.User)
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
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		var wasVerified bool
		u, err = useMailToken(ctx, tx, hash, store.ResetPassword, now, func(t store.MailToken, u *user.User) error {
			if u.Email.Key != t.Email.Key || u.State != user.Active {
				return pgx.ErrNoRows
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
		_, err = tx.Exec(ctx, "DELETE FROM mail_tokens WHERE user_id = $1", u.ID)
		return err
	})
	return u, ended, err
}

// EraseUser implements store.Accounts.
func (s *Store) EraseUser(ctx context.Context, id ids.User, now time.Time) (ended store.Ended, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := updateUser(ctx, tx, id, func(u *user.User) error { *u = u.Erased(); return nil }); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM standings WHERE user_id = $1", id); err != nil {
			return err
		}
		ended, err = closeWays(ctx, tx, id, now)
		return err
	})
	return ended, err
}
