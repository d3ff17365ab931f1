// Package sqlite keeps auth's users and keys in an SQLite file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements store.Store.
type Store struct{ db *sqlite.DB }

// Open opens the file at path, which is made if it is missing, and brings its schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx, files); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{db: db}, nil
}

// Close implements store.Store.
func (s *Store) Close() error { return s.db.Close() }

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	var found bool
	err := s.db.Read().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM users /* scan: one row */)").Scan(&found)
	return sqlite.MapErr("auth.Ping", err)
}

const userColumns = "id, email, email_key, email_verified, username, username_key, avatar, password_hash, role, state, created_at, bot_owner"

func scanUser(scan func(...any) error) (u user.User, err error) {
	var created int64
	var owner sql.Null[ids.User]
	err = scan(&u.ID, &u.Email.Text, &u.Email.Key, &u.EmailVerified, &u.Username.Text, &u.Username.Key, &u.Avatar, &u.PasswordHash,
		&u.Role, &u.State, &created, &owner)
	u.CreatedAt, u.BotOwner = time.UnixMilli(created).UTC(), owner.V
	return u, err
}

const insertUser = "INSERT INTO users (" + userColumns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

func userValues(u user.User) []any {
	return []any{
		u.ID, u.Email.Text, u.Email.Key, u.EmailVerified, u.Username.Text, u.Username.Key, u.Avatar, u.PasswordHash,
		u.Role, u.State, u.CreatedAt.UnixMilli(), orNull(u.BotOwner),
	}
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u user.User) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error { return createUser(ctx, tx, u) })
}

func createUser(ctx context.Context, tx *sql.Tx, u user.User) error {
	if err := checkNames(ctx, tx, u); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, insertUser, userValues(u)...)
	return err
}

// checkNames says which of a user's names is another's. The unique indexes decide; this is under the same lock.
func checkNames(ctx context.Context, tx *sql.Tx, u user.User) error {
	var email, username bool
	err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE email_key = ? AND id <> ?),
		EXISTS (SELECT 1 FROM users WHERE username_key = ? AND id <> ?)`, u.Email.Key, u.ID, u.Username.Key, u.ID).Scan(&email, &username)
	switch {
	case err != nil:
		return err
	case email:
		return store.ErrEmailTaken
	case username:
		return store.ErrUsernameTaken
	}
	return nil
}

// AddUsers implements store.Store.
func (s *Store) AddUsers(ctx context.Context, users []user.User) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, insertUser)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, u := range users {
			if _, err := insert.ExecContext(ctx, userValues(u)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// UserByID implements store.Store.
func (s *Store) UserByID(ctx context.Context, id ids.User) (user.User, error) {
	u, err := scanUser(s.db.Read().QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE id = ?", id).Scan)
	return u, sqlite.MapErr("auth.UserByID", err)
}

// UserByEmail implements store.Store.
func (s *Store) UserByEmail(ctx context.Context, key string) (user.User, error) {
	u, err := scanUser(s.db.Read().QueryRowContext(ctx, "SELECT "+userColumns+" FROM users WHERE email_key = ?", key).Scan)
	return u, sqlite.MapErr("auth.UserByEmail", err)
}

// UsersByID implements store.Store.
func (s *Store) UsersByID(ctx context.Context, list []ids.User) ([]user.User, error) {
	return s.usersIn(ctx, "auth.UsersByID", "SELECT "+userColumns+" FROM users WHERE id IN (SELECT value FROM json_each(?))", list)
}

// UsersByName implements store.Store.
func (s *Store) UsersByName(ctx context.Context, keys []string) ([]user.User, error) {
	return s.usersIn(ctx, "auth.UsersByName", "SELECT "+userColumns+" FROM users WHERE username_key IN (SELECT value FROM json_each(?))", keys)
}

// UsersByPrefix implements store.Store.
func (s *Store) UsersByPrefix(ctx context.Context, prefix, after string, limit int) ([]user.User, error) {
	rows, err := s.db.Read().QueryContext(ctx, "SELECT "+userColumns+` FROM users
		WHERE username_key >= ?1 AND username_key < ?1 || char(0x10FFFF) AND username_key > ?2 AND state = 'active' ORDER BY username_key LIMIT ?3`, prefix, after, limit)
	return collect("auth.UsersByPrefix", rows, err, scanUser)
}

// usersIn returns the users that a query finds by a list of values.
func (s *Store) usersIn(ctx context.Context, op, query string, values any) ([]user.User, error) {
	texts, err := json.Marshal(values)
	if err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	rows, err := s.db.Read().QueryContext(ctx, query, string(texts))
	return collect(op, rows, err, scanUser)
}

// collect reads and closes rows; err is that of the query.
func collect[T any](op string, rows *sql.Rows, err error, scan func(func(...any) error) (T, error)) ([]T, error) {
	if err != nil {
		return nil, sqlite.MapErr(op, err)
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, sqlite.MapErr(op, err)
		}
		all = append(all, one)
	}
	return all, sqlite.MapErr(op, rows.Err())
}
