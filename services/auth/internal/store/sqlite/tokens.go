package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

const tokenColumns = "id, user_id, hash, name, scopes, created_at, expires_at, last_used_at"

func scanToken(scan func(...any) error) (t store.Token, err error) {
	var created int64
	var expires, used sql.Null[int64]
	err = scan(&t.ID, &t.User, &t.Hash, &t.Name, &t.Scopes, &created, &expires, &used)
	t.CreatedAt, t.ExpiresAt, t.LastUsedAt = time.UnixMilli(created).UTC(), orNever(expires), orNever(used)
	return t, err
}

func orNever(ms sql.Null[int64]) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.V).UTC()
}

// AddToken implements store.Tokens.
func (s *Store) AddToken(ctx context.Context, t store.Token, by ids.Session, atMost int) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := checkSession(ctx, tx, by); err != nil {
			return err
		}
		var found bool
		var n int
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1),
			(SELECT count(*) FROM api_tokens WHERE user_id = ?1)`, t.User).Scan(&found, &n)
		switch {
		case err != nil:
			return err
		case !found:
			return sql.ErrNoRows
		case n >= atMost:
			return store.ErrTooMany("tokens", atMost)
		}
		expires := sql.Null[int64]{V: t.ExpiresAt.UnixMilli(), Valid: !t.ExpiresAt.IsZero()}
		_, err = tx.ExecContext(ctx, "INSERT INTO api_tokens (id, user_id, hash, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			t.ID, t.User, t.Hash, t.Name, t.Scopes, t.CreatedAt.UnixMilli(), expires)
		return err
	})
}

// TokenByHash implements store.Tokens.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (store.Token, error) {
	t, err := scanToken(s.db.Read().QueryRowContext(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE hash = ?", hash).Scan)
	return t, sqlite.MapErr("auth.TokenByHash", err)
}

// GoodTokens implements store.Tokens.
func (s *Store) GoodTokens(ctx context.Context, list []ids.Session, now time.Time) ([]ids.Session, error) {
	texts, err := json.Marshal(list)
	if err != nil {
		return nil, fault.E(fault.Internal, "auth.GoodTokens", err)
	}
	rows, err := s.db.Read().QueryContext(ctx, `SELECT t.id FROM api_tokens t JOIN users u ON u.id = t.user_id
		JOIN users owner ON owner.id = coalesce(u.bot_owner, u.id)
		WHERE t.id IN (SELECT value FROM json_each(?)) AND (t.expires_at IS NULL OR t.expires_at > ?)
		AND u.state = 'active' AND owner.state = 'active'`, string(texts), now.UnixMilli())
	return collect("auth.GoodTokens", rows, err, scanSessionID)
}

// TokenByID implements store.Tokens.
func (s *Store) TokenByID(ctx context.Context, id ids.Session) (store.Token, error) {
	t, err := scanToken(s.db.Read().QueryRowContext(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE id = ?", id).Scan)
	return t, sqlite.MapErr("auth.TokenByID", err)
}

// TokensOf implements store.Tokens.
func (s *Store) TokensOf(ctx context.Context, id ids.User) ([]store.Token, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+tokenColumns+" FROM api_tokens WHERE user_id = ? ORDER BY id DESC", id)
	return collect("auth.TokensOf", rows, err, scanToken)
}

// TouchToken implements store.Tokens.
func (s *Store) TouchToken(ctx context.Context, id ids.Session, used, since time.Time) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE api_tokens SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?3)",
			id, used.UnixMilli(), since.UnixMilli())
		return err
	})
}

// DeleteToken implements store.Tokens.
func (s *Store) DeleteToken(ctx context.Context, id ids.Session) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "DELETE FROM api_tokens WHERE id = ?", id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fault.New(fault.NotFound, "there is no such token")
	})
}

// AddBot implements store.Tokens.
func (s *Store) AddBot(ctx context.Context, bot user.User, atMost int) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		var found bool
		var n int
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?1),
			(SELECT count(*) FROM users WHERE bot_owner = ?1 AND state <> 'deleted')`, bot.BotOwner).Scan(&found, &n)
		switch {
		case err != nil:
			return err
		case !found:
			return sql.ErrNoRows
		case n >= atMost:
			return store.ErrTooMany("bots", atMost)
		}
		return createUser(ctx, tx, bot)
	})
}

// BotsOf implements store.Tokens.
func (s *Store) BotsOf(ctx context.Context, owner ids.User) ([]user.User, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+userColumns+" FROM users WHERE bot_owner = ? AND state <> 'deleted' ORDER BY id", owner)
	return collect("auth.BotsOf", rows, err, scanUser)
}
