package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

const tokenColumns = "id, user_id, hash, name, scopes, created_at, expires_at, last_used_at"

func scanToken(row pgx.CollectableRow) (t store.Token, err error) {
	var expires, used *time.Time
	err = row.Scan(&t.ID, &t.User, &t.Hash, &t.Name, &t.Scopes, &t.CreatedAt, &expires, &used)
	t.CreatedAt, t.ExpiresAt, t.LastUsedAt = t.CreatedAt.UTC(), orNever(expires), orNever(used)
	return t, err
}

func orNever(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// AddToken implements store.Tokens. The lock on the user makes those wait who add another at the same time.
func (s *Store) AddToken(ctx context.Context, t store.Token, by ids.Session, atMost int) error {
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockUser(ctx, tx, t.User); err != nil { // before holdSession shares a lock on the same row
			return err
		}
		if err := holdSession(ctx, tx, by); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM api_tokens WHERE user_id = $1", t.User).Scan(&n); err != nil {
			return err
		}
		if n >= atMost {
			return store.ErrTooMany("tokens", atMost)
		}
		var expires *time.Time
		if !t.ExpiresAt.IsZero() {
			expires = &t.ExpiresAt
		}
		_, err := tx.Exec(ctx, "INSERT INTO api_tokens (id, user_id, hash, name, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
			t.ID, t.User, t.Hash, t.Name, t.Scopes, t.CreatedAt, expires)
		return err
	})
}

// lockUser holds what is counted of a user until the end of the transaction. NotFound.
func lockUser(ctx context.Context, tx pgx.Tx, id ids.User) error {
	var found bool
	return tx.QueryRow(ctx, "SELECT true FROM users WHERE id = $1 FOR UPDATE", id).Scan(&found)
}

// TokenByHash implements store.Tokens.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (store.Token, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE hash = $1", hash)
	t, err := pgx.CollectExactlyOneRow(rows, scanToken)
	return t, postgres.MapErr("auth.TokenByHash", err)
}

// GoodTokens implements store.Tokens.
func (s *Store) GoodTokens(ctx context.Context, list []ids.Session, now time.Time) ([]ids.Session, error) {
	rows, _ := s.pool.Query(ctx, `SELECT t.id FROM api_tokens t JOIN users u ON u.id = t.user_id JOIN users owner ON owner.id = coalesce(u.bot_owner, u.id)
		WHERE t.id = ANY($1) AND (t.expires_at IS NULL OR t.expires_at > $2) AND u.state = 'active' AND owner.state = 'active'`, list, now)
	good, err := pgx.CollectRows(rows, pgx.RowTo[ids.Session])
	return good, postgres.MapErr("auth.GoodTokens", err)
}

// TokenByID implements store.Tokens.
func (s *Store) TokenByID(ctx context.Context, id ids.Session) (store.Token, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE id = $1", id)
	t, err := pgx.CollectExactlyOneRow(rows, scanToken)
	return t, postgres.MapErr("auth.TokenByID", err)
}

// TokensOf implements store.Tokens.
func (s *Store) TokensOf(ctx context.Context, id ids.User) ([]store.Token, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE user_id = $1 ORDER BY id DESC", id)
	list, err := pgx.CollectRows(rows, scanToken)
	return list, postgres.MapErr("auth.TokensOf", err)
}

// TouchToken implements store.Tokens.
func (s *Store) TouchToken(ctx context.Context, id ids.Session, used, since time.Time) error {
	_, err := s.pool.Exec(ctx, "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)", id, used, since)
	return postgres.MapErr("auth.TouchToken", err)
}

// DeleteToken implements store.Tokens.
func (s *Store) DeleteToken(ctx context.Context, id ids.Session) error {
	tag, err := s.pool.Exec(ctx, "DELETE FROM api_tokens WHERE id = $1", id)
	if err == nil && tag.RowsAffected() == 0 {
		return fault.New(fault.NotFound, "there is no such token")
	}
	return postgres.MapErr("auth.DeleteToken", err)
}

// AddBot implements store.Tokens.
func (s *Store) AddBot(ctx context.Context, bot user.User, atMost int) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := lockUser(ctx, tx, bot.BotOwner); err != nil {
			return err
		}
		var n int
		err := tx.QueryRow(ctx, "SELECT count(*) FROM users WHERE bot_owner = $1 AND state <> 'deleted'", bot.BotOwner).Scan(&n)
		if err != nil {
			return err
		}
		if n >= atMost {
			return store.ErrTooMany("bots", atMost)
		}
		_, err = tx.Exec(ctx, insertUser, userValues(bot)...)
		return err
	})
	return mapUserErr("auth.AddBot", err)
}

// BotsOf implements store.Tokens.
func (s *Store) BotsOf(ctx context.Context, owner ids.User) ([]user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE bot_owner = $1 AND state <> 'deleted' ORDER BY id", owner)
	list, err := pgx.CollectRows(rows, scanUser)
	return list, postgres.MapErr("auth.BotsOf", err)
}
