// Package sqlite keeps rooms in a SQLite file, for the one process.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store.Store.
type Store struct{ db *sqlite.DB }

var _ store.Store = (*Store)(nil)

// Open opens the file at path, makes it if it is missing, and brings its schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("rooms migrations: %w", err)
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

// db is a pool or a transaction.
type db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner is a row, of one or of many.
type scanner interface{ Scan(dest ...any) error }

// list runs a query and scans its rows.
func list[T any](ctx context.Context, db db, scan func(scanner) (T, error), op, query string, args ...any) (found []T, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqlite.MapErr(op, err)
	}
	defer func() { err = errors.Join(err, sqlite.MapErr(op, rows.Close())) }()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, sqlite.MapErr(op, err)
		}
		found = append(found, v)
	}
	return found, sqlite.MapErr(op, rows.Err())
}

// roomColumns are what roomFields reads, of a table or subquery r.
const roomColumns = `r.id, r.kind, r.name, r.description, r.topic, r.avatar, r.is_private, r.is_archived, r.is_announcement, r.slow_mode,
	r.creator_id, r.pair, r.version, r.member_count, r.created_at, r.updated_at, r.deleted_at`

func roomFields(r *room.Room) []any {
	return []any{
		&r.ID, &r.Kind, &r.Name, &r.Description, &r.Topic, &r.Avatar, &r.IsPrivate, &r.IsArchived, &r.IsAnnouncement, &r.SlowMode,
		&r.Creator, &r.Pair, &r.Version, &r.MemberCount, (*millis)(&r.CreatedAt), (*millis)(&r.UpdatedAt), (*millis)(&r.DeletedAt),
	}
}

func scanRoom(row scanner) (r room.Room, err error) {
	err = row.Scan(roomFields(&r)...)
	return r, err
}

// memberColumns are what membershipFields reads besides a room: what stands for nothing, for who is no member.
const memberColumns = `coalesce(m.role, ''), m.muted_until, m.joined_at,
	coalesce(m.is_favourite, false), coalesce(m.hidden_seq, 0), coalesce(m.notifications, ''), coalesce(m.preferences_rev, 0)`

func membershipFields(m *room.Membership) []any {
	return append(roomFields(&m.Room), &m.Role, (*millis)(&m.MutedUntil), (*millis)(&m.JoinedAt),
		&m.Preferences.IsFavourite, &m.Preferences.HiddenSeq, &m.Preferences.Notifications, &m.Preferences.Rev)
}

func scanMembership(row scanner) (m room.Membership, err error) {
	err = row.Scan(membershipFields(&m)...)
	return m, err
}

func scanPending(row scanner) (p store.Pending, err error) {
	err = row.Scan(&p.Version, &p.Command)
	return p, err
}

func scanID(row scanner) (id ids.Room, err error) {
	err = row.Scan(&id)
	return id, err
}

// millis reads a time from a column of milliseconds since 1970; no time from NULL.
type millis time.Time

// Scan implements sql.Scanner.
func (m *millis) Scan(v any) error {
	switch v := v.(type) {
	case int64:
		*m = millis(time.UnixMilli(v).UTC())
	case nil:
		*m = millis{}
	default:
		return fmt.Errorf("cannot scan %T into a time", v)
	}
	return nil
}

// value is a time as it is stored, of NULL if it is zero.
func value(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
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
