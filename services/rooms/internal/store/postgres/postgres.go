// Package postgres keeps rooms in PostgreSQL.
package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store.Store.
type Store struct{ pool *pgxpool.Pool }

var _ store.Store = (*Store)(nil)

// Open connects to the database that url names and brings its schema up to date. Watch, if not nil, sees the queries.
func Open(ctx context.Context, url string, watch *obs.Database) (*Store, error) {
	pool, err := postgres.Open(ctx, url, watch)
	if err != nil {
		return nil, err
	}
	s, err := New(ctx, pool)
	if err != nil {
		pool.Close()
	}
	return s, err
}

// New brings the schema up to date and returns a store that owns the pool from then on.
func New(ctx context.Context, pool *pgxpool.Pool) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("rooms migrations: %w", err)
	}
	if err := postgres.Migrate(ctx, pool, files, "rooms_migrations"); err != nil {
		return nil, err
	}
	return &Store{pool: pool}, nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// db is a pool or a transaction.
type db interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// list runs a query and scans its rows.
func list[T any](ctx context.Context, db db, scan pgx.RowToFunc[T], op, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, postgres.MapErr(op, err)
	}
	found, err := pgx.CollectRows(rows, scan)
	return found, postgres.MapErr(op, err)
}

// one runs a query for a single row; NotFound without one.
func one[T any](ctx context.Context, db db, scan pgx.RowToFunc[T], op, sql string, args ...any) (T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, postgres.MapErr(op, err)
	}
	found, err := pgx.CollectExactlyOneRow(rows, scan)
	return found, postgres.MapErr(op, err)
}

// roomColumns are what roomFields reads, of a table or subquery r.
const roomColumns = `r.id, r.kind, r.name, r.description, r.topic, r.avatar, r.is_private, r.is_archived, r.is_announcement, r.slow_mode,
	r.creator_id, r.pair, r.version, r.member_count, r.created_at, r.updated_at, r.deleted_at`

func roomFields(r *room.Room) []any {
	return []any{
		&r.ID, &r.Kind, &r.Name, &r.Description, &r.Topic, &r.Avatar, &r.IsPrivate, &r.IsArchived, &r.IsAnnouncement, &r.SlowMode,
		&r.Creator, &r.Pair, &r.Version, &r.MemberCount, (*instant)(&r.CreatedAt), (*instant)(&r.UpdatedAt), (*instant)(&r.DeletedAt),
	}
}

func scanRoom(row pgx.CollectableRow) (r room.Room, err error) {
	err = row.Scan(roomFields(&r)...)
	return r, err
}

// memberColumns are what membershipFields reads besides a room: what stands for nothing, for who is no member.
const memberColumns = `coalesce(m.role, ''), m.muted_until, m.joined_at,
	coalesce(m.is_favourite, false), coalesce(m.hidden_seq, 0), coalesce(m.notifications, ''), coalesce(m.preferences_rev, 0)`

func membershipFields(m *room.Membership) []any {
	return append(roomFields(&m.Room), &m.Role, (*instant)(&m.MutedUntil), (*instant)(&m.JoinedAt),
		&m.Preferences.IsFavourite, &m.Preferences.HiddenSeq, &m.Preferences.Notifications, &m.Preferences.Rev)
}

func scanMembership(row pgx.CollectableRow) (m room.Membership, err error) {
	err = row.Scan(membershipFields(&m)...)
	return m, err
}

// instant reads a time, in UTC; no time from NULL.
type instant time.Time

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (i *instant) ScanTimestamptz(v pgtype.Timestamptz) error {
	*i = instant{}
	if v.Valid {
		*i = instant(v.Time.UTC())
	}
	return nil
}

// value is a time as it is stored, of NULL if it is zero.
func value(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// below is where a descending page starts: under after, or above every id.
func below[kind any](after ids.ID[kind]) ids.ID[kind] {
	if !after.IsZero() {
		return after
	}
	for i := range after {
		after[i] = 0xff
	}
	return after
}
