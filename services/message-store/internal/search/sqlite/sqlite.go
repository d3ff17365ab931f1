// Package sqlite keeps the search index in an SQLite file of its own, with FTS5. What was committed last may be lost at a
// power cut, and the whole file may be: it is made from the log again.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"log/slog"
	"os"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/search"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is how many searches run at a time; others wait. Two leave the other processors of a small server to its
// senders.
const readers = 2

// Index is the engine.
type Index struct{ db *sqlite.DB }

// Open opens the file at path, or makes it, for a log with this epoch. A file that is damaged, or of another log or format,
// is made anew, empty.
func Open(ctx context.Context, path, epoch string, log *slog.Logger) (*Index, error) {
	x, err := open(ctx, path, epoch)
	if err == nil || fault.CodeOf(err) != fault.Internal {
		return x, err
	}
	log.WarnContext(ctx, "the search index cannot be read; making it anew", "error", err)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.E(fault.Unavailable, "search.Open", err)
		}
	}
	return open(ctx, path, epoch)
}

func open(ctx context.Context, path, epoch string) (*Index, error) {
	db, err := sqlite.Open(ctx, path, sqlite.Readers(readers), sqlite.Derived())
	if err != nil {
		return nil, err
	}
	x := &Index{db}
	if err := x.prepare(ctx, epoch); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return x, nil
}

func (x *Index) prepare(ctx context.Context, epoch string) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := x.db.Migrate(ctx, dir); err != nil {
		return err
	}
	return x.db.Write(ctx, func(tx *sql.Tx) error {
		var was string
		var format int
		err := tx.QueryRowContext(ctx, "SELECT epoch, format FROM meta").Scan(&was, &format)
		if err == nil && was == epoch && format == search.Format {
			return nil
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO meta (id, epoch, format) VALUES (1, ?, ?)", epoch, search.Format); err != nil {
			return err
		}
		return wipe(ctx, tx)
	})
}

// Close releases the file. No other method may be running.
func (x *Index) Close() error { return x.db.Close() }

// Clear forgets everything.
func (x *Index) Clear(ctx context.Context) error {
	return x.db.Write(ctx, func(tx *sql.Tx) error { return wipe(ctx, tx) })
}

func wipe(ctx context.Context, tx *sql.Tx) error {
	for _, query := range []string{"INSERT INTO words (words) VALUES ('delete-all')", "DELETE FROM messages", "DELETE FROM rooms"} {
		if _, err := tx.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// Positions returns up to which seq rooms are indexed.
func (x *Index) Positions(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	at := make(map[ids.Room]uint32, len(rooms))
	err := x.snapshot(ctx, func(tx *sql.Tx) error {
		found, err := roomsOf(ctx, tx, rooms)
		for _, r := range found {
			at[r.room] = r.seq
		}
		return err
	})
	return at, err
}

// indexed is a room in the index.
type indexed struct {
	no   int64
	room ids.Room
	seq  uint32
}

func roomsOf(ctx context.Context, tx *sql.Tx, rooms []ids.Room) (found []indexed, err error) {
	stmt, err := tx.PrepareContext(ctx, sqlRoom)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stmt.Close() }()
	for _, room := range rooms {
		r := indexed{room: room}
		err := stmt.QueryRowContext(ctx, room[:]).Scan(&r.no, &r.seq)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// snapshot runs fn in a transaction in which all reads see the same moment.
func (x *Index) snapshot(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := x.db.Read().BeginTx(ctx, nil)
	if err != nil {
		return sqlite.MapErr("search.Begin", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return sqlite.MapErr("search.Read", fn(tx))
}
