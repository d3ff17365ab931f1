// Package sqlite keeps the logs of rooms in one SQLite file: the engine of the one process, of tests and of small
// servers. Several processes of one machine may share the file.
//
// Folding happens in the transaction of the append, so what is read is always exact.
package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is the engine. It is safe for concurrent use; appends of one process run one after another.
type Store struct {
	db *sqlite.DB
	w  writeStatements
	r  readStatements
}

// Open opens the file at path, makes it if it is missing, and brings its schema up to date.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	s := &Store{db: db}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := s.db.Migrate(ctx, dir); err != nil {
		return err
	}
	if err := s.w.prepare(ctx, s.db); err != nil {
		return err
	}
	return s.r.prepare(ctx, s.db.Read())
}

// Close releases the file. No other method may be running.
func (s *Store) Close() error { return s.db.Close() }

// Ping reports whether a commit is possible right now.
func (s *Store) Ping(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		// A real write: on a full or read-only disk it fails, a SELECT would not.
		_, err := tx.ExecContext(ctx, "UPDATE meta SET epoch = epoch")
		return err
	})
}

// Meta returns what was made once for this database, and makes it the first time.
func (s *Store) Meta(ctx context.Context) (m store.Meta, err error) {
	key := make([]byte, store.HashKeySize)
	_, _ = rand.Read(key) // never fails
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO meta (id, epoch, hash_key) VALUES (1, ?, ?) ON CONFLICT DO NOTHING",
			uuid.NewString(), key); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT epoch, hash_key FROM meta WHERE id = 1").Scan(&m.Epoch, &m.HashKey)
	})
	return m, err
}
