// Package postgres keeps auth's users and keys in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store implements store.Store.
type Store struct{ pool *pgxpool.Pool }

// Open connects to the database that url names and brings its schema up to date. Watch, if not nil, sees the queries.
func Open(ctx context.Context, url string, watch *obs.Database) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	pool, err := postgres.Open(ctx, url, watch)
	if err != nil {
		return nil, err
	}
	if err := postgres.Migrate(ctx, pool, files, "auth_migrations"); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool}, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Ping implements store.Store.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, "SELECT FROM users LIMIT 1 /* scan: one row */")
	return postgres.MapErr("auth.Ping", err)
}

const userColumns = "id, email, email_key, email_verified, username, username_key, avatar, password_hash, role, state, created_at, bot_owner"

func scanUser(row pgx.CollectableRow) (u user.User, err error) {
	var owner *ids.User
	err = row.Scan(&u.ID, &u.Email.Text, &u.Email.Key, &u.EmailVerified, &u.Username.Text, &u.Username.Key, &u.Avatar, &u.PasswordHash,
		&u.Role, &u.State, &u.CreatedAt, &owner)
	u.CreatedAt, u.BotOwner = u.CreatedAt.UTC(), orZero(owner)
	return u, err
}

// CreateUser implements store.Store.
func (s *Store) CreateUser(ctx context.Context, u user.User) error {
	_, err := s.pool.Exec(ctx, insertUser, userValues(u)...)
	return mapUserErr("auth.CreateUser", err)
}

const insertUser = "INSERT INTO users (" + userColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"

func userValues(u user.User) []any {
	return []any{
		u.ID, u.Email.Text, u.Email.Key, u.EmailVerified, u.Username.Text, u.Username.Key, u.Avatar, u.PasswordHash,
		u.Role, u.State, u.CreatedAt, orNull(u.BotOwner),
	}
}

// mapUserErr says which name of a user is another's.
func mapUserErr(op string, err error) error {
	switch postgres.Constraint(err) {
	case "users_email":
		return store.ErrEmailTaken
	case "users_username":
		return store.ErrUsernameTaken
	}
	return postgres.MapErr(op, err)
}

// AddUsers implements store.Store.
func (s *Store) AddUsers(ctx context.Context, users []user.User) error {
	columns := strings.Split(userColumns, ", ")
	_, err := s.pool.CopyFrom(ctx, pgx.Identifier{"users"}, columns, pgx.CopyFromSlice(len(users), func(i int) ([]any, error) {
		return userValues(users[i]), nil
	}))
	return postgres.MapErr("auth.AddUsers", err)
}

// UserByID implements store.Store.
func (s *Store) UserByID(ctx context.Context, id ids.User) (user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE id = $1", id)
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	return u, postgres.MapErr("auth.UserByID", err)
}

// UserByEmail implements store.Store.
func (s *Store) UserByEmail(ctx context.Context, key string) (user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE email_key = $1", key)
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	return u, postgres.MapErr("auth.UserByEmail", err)
}

// UsersByID implements store.Store.
func (s *Store) UsersByID(ctx context.Context, list []ids.User) ([]user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE id = ANY($1)", list)
	users, err := pgx.CollectRows(rows, scanUser)
	return users, postgres.MapErr("auth.UsersByID", err)
}

// UsersByName implements store.Store.
func (s *Store) UsersByName(ctx context.Context, keys []string) ([]user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+" FROM users WHERE username_key = ANY($1)", keys)
	users, err := pgx.CollectRows(rows, scanUser)
	return users, postgres.MapErr("auth.UsersByName", err)
}

// UsersByPrefix implements store.Store.
func (s *Store) UsersByPrefix(ctx context.Context, prefix, after string, limit int) ([]user.User, error) {
	rows, _ := s.pool.Query(ctx, "SELECT "+userColumns+` FROM users
		WHERE username_key >= $1 AND username_key < $1 || U&'\+10FFFF' AND username_key > $2 AND state = 'active' ORDER BY username_key LIMIT $3`, prefix, after, limit)
	users, err := pgx.CollectRows(rows, scanUser)
	return users, postgres.MapErr("auth.UsersByPrefix", err)
}
