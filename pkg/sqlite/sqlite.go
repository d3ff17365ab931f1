// Package sqlite opens the SQLite files of the embedded mode: auth, rooms and message-store keep one each when they are
// given no PostgreSQL or MongoDB.
//
// A file has one writing connection per process and a pool of reading ones. Write-ahead logging lets readers go on while
// a transaction commits; several processes of one machine may share a file. A commit is on disk when Write returns.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/natter-chat/natter/pkg/fault"
)

// busyTimeout is how long a connection waits for the write lock of another process before it gives up. A group commit
// takes milliseconds; seconds mean that the other process hangs.
const busyTimeout = 5 * time.Second

// DB is one SQLite file. Its methods may be called concurrently.
type DB struct {
	writer, readers *sql.DB
}

// Option changes how Open opens a file.
type Option func(*settings)

type settings struct {
	readers   int
	isDerived bool
}

// Readers sets how many reading connections there may be; the default is 4, or the number of CPUs if that is more.
func Readers(n int) Option { return func(s *settings) { s.readers = n } }

// Derived says that the file can be made anew from another: its last commits may be lost at a power cut, and cost less.
func Derived() Option { return func(s *settings) { s.isDerived = true } }

// Open opens the file at path; a missing file and its directories are made, for this user only. It fails when the file
// is not a database or cannot be written. Databases in memory are not supported: use a file in a temporary directory.
func Open(ctx context.Context, path string, opts ...Option) (*DB, error) {
	s := settings{readers: max(4, runtime.NumCPU())}
	for _, o := range opts {
		o(&s)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fault.E(fault.Unavailable, "sqlite.Open", err)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "sqlite.Open", err)
	}
	db := &DB{}
	// sql.Open only parses: the connections are made below.
	if db.writer, err = sql.Open("sqlite", dsn(abs, false, s.isDerived)); err != nil {
		return nil, fault.E(fault.Internal, "sqlite.Open", err)
	}
	if db.readers, err = sql.Open("sqlite", dsn(abs, true, s.isDerived)); err != nil {
		return nil, errors.Join(fault.E(fault.Internal, "sqlite.Open", err), db.writer.Close())
	}
	db.writer.SetMaxOpenConns(1)
	db.writer.SetMaxIdleConns(1)
	db.readers.SetMaxOpenConns(s.readers)
	db.readers.SetMaxIdleConns(s.readers)
	// The writer first: it makes the file and switches it to write-ahead logging, which a reader may not.
	for _, pool := range []*sql.DB{db.writer, db.readers} {
		if err := connect(ctx, pool); err != nil {
			return nil, errors.Join(MapErr("sqlite.Open", err), db.Close())
		}
	}
	return db, nil
}

// connect makes a first connection. While another process switches a new file to write-ahead logging, SQLite says BUSY at
// once instead of waiting.
func connect(ctx context.Context, pool *sql.DB) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		err := pool.PingContext(ctx)
		if failure, ok := errors.AsType[*sqlite.Error](err); !ok || failure.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// dsn names the file with the settings every connection gets.
func dsn(abs string, readOnly, isDerived bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")", // first: the others may have to wait
		"foreign_keys(1)",
		"temp_store(2)", // sorting happens in memory
	}}
	if readOnly {
		q["_pragma"] = append(q["_pragma"], "query_only(1)")
	} else {
		// FULL: in WAL mode the default (NORMAL) may lose the last commits at a power cut.
		synchronous := "synchronous(2)"
		if isDerived {
			synchronous = "synchronous(1)"
		}
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", synchronous,
			// 32 MB of log between two checkpoints (default 4) and 32 MB of cache (default 2): a page that many commits change
			// is moved to the file once. Measured: a third more events per second in large commits.
			"wal_autocheckpoint(8000)", "cache_size(-32000)",
			// What is deleted is overwritten with zeros, also in pages that are free since (FAST leaves what was longer than a
			// page's share): a message that somebody deleted is not to be found in the file.
			"secure_delete(1)")
		// BEGIN IMMEDIATE: a transaction that starts as a reader and then writes fails with BUSY, without any waiting,
		// when another process wrote in between.
		q.Set("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath() + "?" + q.Encode()
}

// Close releases the connections. Call it when no Write and no reader is running.
func (db *DB) Close() error { return errors.Join(db.readers.Close(), db.writer.Close()) }

// Read is the pool of reading connections: a statement that writes fails on it. What a Write committed before is seen.
func (db *DB) Read() *sql.DB { return db.readers }

// Write runs fn in a transaction that holds the write lock from its beginning. It commits when fn returns nil, and
// otherwise rolls back and returns fn's error. Writes of one process run one after another. Errors of the driver come
// back as MapErr maps them; an Unavailable from the commit itself means that the outcome is unknown.
func (db *DB) Write(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return MapErr("sqlite.Begin", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return MapErr("sqlite.Write", err)
	}
	return MapErr("sqlite.Commit", tx.Commit())
}

// Prepare prepares a statement for use inside Write (tx.StmtContext). It lives until its Close or the database's.
func (db *DB) Prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := db.writer.PrepareContext(ctx, query)
	return stmt, MapErr("sqlite.Prepare", err)
}

// Migrate applies the goose migrations (*.sql) at the root of migrations that the file has not seen yet, each in a
// transaction of its own. Processes that share the file may call it at the same time.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	const op = "sqlite.Migrate"
	p, err := goose.NewProvider(goose.DialectSQLite3, db.writer, migrations)
	if err != nil {
		return fault.E(fault.Internal, op, err)
	}
	for {
		before, err := p.GetDBVersion(ctx)
		if err != nil {
			return MapErr(op, err)
		}
		_, upErr := p.Up(ctx)
		if upErr == nil {
			return nil
		}
		// SQLite has no advisory lock. Another process may have applied the same migration first: the loser's fails
		// whole, finds that the version moved on, and looks again.
		after, err := p.GetDBVersion(ctx)
		if err != nil || after == before {
			return MapErr(op, upErr)
		}
	}
}

// MapErr turns an error of the driver into a fault; nil and faults pass. No row is NotFound, a violated unique
// index AlreadyExists; a lock that was not got in time, a full or broken disk are Unavailable; the rest is Internal.
func MapErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return fault.E(code(err), op, err)
}

func code(err error) fault.Code {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.NotFound
	case errors.Is(err, context.DeadlineExceeded):
		return fault.DeadlineExceeded
	case errors.Is(err, context.Canceled), errors.Is(err, sql.ErrConnDone):
		return fault.Unavailable
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return fault.Internal
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fault.AlreadyExists
	}
	const primary = 0xff // the low byte is the primary code, the rest says more
	switch e.Code() & primary {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL:
		return fault.Unavailable
	}
	return fault.Internal
}
