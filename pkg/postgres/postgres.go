// Package postgres opens PostgreSQL for the services that keep users and rooms there: a pgx pool, migrations, one
// transaction helper, and the place where driver errors become faults. It does not wrap pgx's types.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jackc/puddle/v2"
	"github.com/pressly/goose/v3"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/obs"
)

// connectTimeout bounds one attempt to connect, unless the URL says otherwise (connect_timeout): a host that swallows
// packets must cost less than the 5 s that a call has.
const connectTimeout = 3 * time.Second

// Open connects to the server that url names and returns when it has answered. The size of the pool and everything else
// is set in the URL (pool_max_conns, sslmode, connect_timeout, …). The pool replaces broken connections by itself; the
// caller closes it. Errors name the host but never the password. Watch, if not nil, sees the queries.
func Open(ctx context.Context, url string, watch *obs.Database) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = connectTimeout
	}
	observe(cfg, watch)
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := errors.Join(pool.Ping(ctx), watchPool(pool, watch)); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return pool, nil
}

// Migrate brings the schema up to date with the goose migrations in the root of files and notes what was done in table,
// one per service, so that several services can share a database. Instances that start together wait for each other.
func Migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS, table string) error {
	// A session lock on a connection of its own: it is gone when the connection is, whatever happens here.
	lock, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return MapErr("postgres: migrate "+table, err)
	}
	defer func() { _ = lock.Close(context.WithoutCancel(ctx)) }()
	if _, err := lock.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended($1, 0))", "natter migrate "+table); err != nil {
		return MapErr("postgres: migrate "+table, err)
	}

	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }() // does not close the pool
	migrations, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: migrate %s: %w", table, err)
	}
	if _, err := migrations.Up(ctx); err != nil {
		return MapErr("postgres: migrate "+table, err)
	}
	return nil
}

// InTx runs fn in a transaction: committed when fn returns nil, else rolled back. It returns what fn returned, or a
// fault. A fault Unavailable from the commit leaves open whether it happened.
func InTx(ctx context.Context, pool *pgxpool.Pool, fn func(pgx.Tx) error) error {
	return MapErr("postgres: transaction", pgx.BeginFunc(ctx, pool, fn))
}

// MapErr turns an error of the driver into a fault; op says what was being done. No rows is NotFound, a broken unique
// constraint AlreadyExists (see Constraint), and whatever may go well on another attempt Unavailable. A fault and nil
// are returned as they are; errors of the context keep their meaning.
func MapErr(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Fault](err); ok {
		return err
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fault.E(fault.NotFound, op, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.From(err).WithCause(op, err)
	}
	// Before the server's own errors: whatever it says while connecting, there is no connection.
	if lost(err) {
		return fault.E(fault.Unavailable, op, err)
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fault.E(codeOf(pgErr.Code), op, err)
	}
	return fault.E(fault.Internal, op, err)
}

// Constraint is the name of the unique constraint or index that err broke; "" for every other error.
func Constraint(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == uniqueViolation {
		return pgErr.ConstraintName
	}
	return ""
}

const uniqueViolation = "23505"

// codeOf maps an SQLSTATE, see https://www.postgresql.org/docs/current/errcodes-appendix.html.
func codeOf(sqlstate string) fault.Code {
	if sqlstate == uniqueViolation {
		return fault.AlreadyExists
	}
	if len(sqlstate) < 2 {
		return fault.Internal
	}
	switch sqlstate[:2] {
	case "08", // connection
		"25", // read-only: a standby, during a failover
		"40", // serialization failure, deadlock
		"53", // out of connections, disk, memory
		"57", // shutting down, starting up, cancelled by an operator
		"58": // I/O
		return fault.Unavailable
	}
	if sqlstate == "55P03" { // a lock was not to be had in time
		return fault.Unavailable
	}
	return fault.Internal
}

// lost reports whether err means that the server could not be reached or the connection broke.
func lost(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, puddle.ErrClosedPool)
}
