package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/sqlite"
)

var migrations = fstest.MapFS{
	"00001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\n")},
	"00002_tags.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes (id), tag TEXT);\n")},
}

func open(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func migrated(t *testing.T) *sqlite.DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "notes.db"))
	if err := db.Migrate(t.Context(), migrations); err != nil {
		t.Fatal(err)
	}
	return db
}

func exec(ctx context.Context, query string, args ...any) func(*sql.Tx) error {
	return func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
}

func count(t *testing.T, db *sqlite.DB) (n int) {
	t.Helper()
	if err := db.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConnectionsHaveTheirSettings(t *testing.T) {
	t.Parallel()
	// A name that a careless DSN would take apart.
	db := open(t, filepath.Join(t.TempDir(), "new dir", "a?b#c%20d.db"))
	pragma := func(q interface {
		QueryRowContext(context.Context, string, ...any) *sql.Row
	}, name string) (v string) {
		if err := q.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := db.Write(t.Context(), func(tx *sql.Tx) error {
		for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "secure_delete": "1"} {
			if got := pragma(tx, name); got != want {
				t.Errorf("writer: %s = %s, want %s", name, got, want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := pragma(db.Read(), "journal_mode"); got != "wal" {
		t.Errorf("reader: journal_mode = %s", got)
	}
	if _, err := db.Read().ExecContext(t.Context(), "CREATE TABLE t (x)"); err == nil {
		t.Error("a reading connection wrote")
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	ctx := t.Context()
	if err := db.Write(ctx, exec(ctx, "INSERT INTO notes (name) VALUES ('a')")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d notes after a write, want 1", n)
	}
	// What fn did before it failed is not there, and its own error comes back.
	own := fault.New(fault.PermissionDenied, "no")
	err := db.Write(ctx, func(tx *sql.Tx) error {
		if err := exec(ctx, "INSERT INTO notes (name) VALUES ('b')")(tx); err != nil {
			return err
		}
		return own
	})
	if fault.CodeOf(err) != fault.PermissionDenied || count(t, db) != 1 {
		t.Errorf("failed write: err %v, %d notes", err, count(t, db))
	}
}

// What is deleted, or replaced, is nowhere in the file: neither where its row was nor in pages that are free.
func TestDeletedContentIsGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.db")
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := db.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	secret := strings.Repeat("secret", 2000) // several pages
	for _, query := range []string{
		"INSERT INTO notes (id, name) VALUES (1, 'short secret'), (2, 'secret " + secret + "'), (3, '" + secret + "'), (4, 'another secret')",
		"UPDATE notes SET name = id WHERE id <= 2",
		"DELETE FROM notes WHERE id > 2",
	} {
		if err := db.Write(ctx, exec(ctx, query)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil { // moves everything into the file
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(data, []byte("secret")); n > 0 {
		t.Errorf("the file has it %d times", n)
	}
}

func TestErrorsAreFaults(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	ctx := t.Context()
	if err := db.Write(ctx, exec(ctx, "INSERT INTO notes (id, name) VALUES (1, 'a')")); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, tt := range []struct {
		name string
		err  error
		want fault.Code
	}{
		{"unique", db.Write(ctx, exec(ctx, "INSERT INTO notes (name) VALUES ('a')")), fault.AlreadyExists},
		{"primary key", db.Write(ctx, exec(ctx, "INSERT INTO notes (id, name) VALUES (1, 'b')")), fault.AlreadyExists},
		{"foreign key", db.Write(ctx, exec(ctx, "INSERT INTO tags (note) VALUES (7)")), fault.Internal},
		{"syntax", db.Write(ctx, exec(ctx, "INSERT OVER notes")), fault.Internal},
		{"no row", sqlite.MapErr("get", db.Read().QueryRowContext(ctx, "SELECT 1 FROM notes WHERE id = 9").Scan(new(int))), fault.NotFound},
		{"cancelled", db.Write(cancelled, exec(ctx, "INSERT INTO notes (name) VALUES ('c')")), fault.Unavailable},
		{"none", sqlite.MapErr("get", nil), ""},
	} {
		if got := fault.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, tt.err, tt.want)
		}
	}
}

// The lock of another process is waited for, and given up with Unavailable when the caller's time is over.
func TestWritersOfTwoProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.db")
	a, b := open(t, path), open(t, path)
	ctx := t.Context()
	if err := a.Migrate(ctx, migrations); err != nil {
		t.Fatal(err)
	}
	const each = 50
	var wg sync.WaitGroup
	for _, db := range []*sqlite.DB{a, b} {
		wg.Go(func() {
			for range each {
				// Read, then write: the shape that fails with BUSY unless the lock is taken first.
				if err := db.Write(ctx, exec(ctx, "INSERT INTO notes (name) SELECT 'n' || count(*) FROM notes")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := count(t, b); n != 2*each {
		t.Errorf("%d notes, want %d", n, 2*each)
	}
	if err := a.Write(ctx, func(*sql.Tx) error {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		err := b.Write(short, exec(ctx, "INSERT INTO notes (name) VALUES ('x')"))
		if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.DeadlineExceeded {
			t.Errorf("write under another's lock: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "notes.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = db.Close() }()
			if err := db.Migrate(t.Context(), migrations); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := count(t, open(t, path)); n != 0 {
		t.Errorf("%d notes", n)
	}
}

func TestMigrateReportsABrokenMigration(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	broken := fstest.MapFS{"00001_notes.sql": migrations["00001_notes.sql"], "00002_tags.sql": migrations["00002_tags.sql"],
		"00003_x.sql": {Data: []byte("-- +goose Up\nCREATE TABEL x;\n")}}
	if err := db.Migrate(t.Context(), broken); fault.CodeOf(err) != fault.Internal {
		t.Errorf("Migrate = %v, want an internal fault", err)
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(path, []byte("this is a text file, long enough to have a header of its own"), 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path)
	if err == nil {
		err = errors.Join(errors.New("opened"), db.Close())
	}
	if _, ok := errors.AsType[*fault.Fault](err); !ok {
		t.Errorf("Open of a text file = %v", err)
	}
}

// Processes that share a directory may start together on its first day.
func TestManyOpenANewFileAtOnce(t *testing.T) {
	t.Parallel()
	for range 5 {
		path := filepath.Join(t.TempDir(), "new.db")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := sqlite.Open(t.Context(), path, sqlite.Readers(1))
				if err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(db.Migrate(t.Context(), migrations), db.Close()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
