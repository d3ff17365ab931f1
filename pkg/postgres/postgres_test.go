package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/testkit"
)

// migrations fail when they run twice, and run long enough for others to try at the same time.
var migrations = fstest.MapFS{
	"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (name text CONSTRAINT things_name_key UNIQUE);\nSELECT pg_sleep(0.05);\n")},
	"00002_more.sql":  {Data: []byte("-- +goose Up\nINSERT INTO things VALUES ('one');\n")},
}

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.Postgres(t)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			pool, err := postgres.Open(ctx, url, nil)
			if err != nil {
				return err
			}
			defer pool.Close()
			return postgres.Migrate(ctx, pool, migrations, "test_migrations")
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.Open(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var things, versions int
	err = pool.QueryRow(ctx, "SELECT (SELECT count(*) FROM things), (SELECT count(*) FROM test_migrations WHERE version_id > 0)").
		Scan(&things, &versions)
	if err != nil || things != 1 || versions != 2 {
		t.Errorf("things %d, versions %d, %v; want 1, 2", things, versions, err)
	}
}

func TestMapErr(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.Postgres(t)
	pool, err := postgres.Open(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool, migrations, "test_migrations"); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()

	run := func(ctx context.Context, sql string) error {
		return postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
			var name string
			return tx.QueryRow(ctx, sql).Scan(&name)
		})
	}
	_, noDatabase := postgres.Open(ctx, strings.Replace(url, "/test_", "/missing_", 1), nil)

	for name, tc := range map[string]struct {
		err        error
		code       fault.Code
		constraint string
	}{
		"no rows":          {run(ctx, "SELECT name FROM things WHERE name = 'two'"), fault.NotFound, ""},
		"unique":           {run(ctx, "INSERT INTO things VALUES ('one') RETURNING name"), fault.AlreadyExists, "things_name_key"},
		"deadlock":         {run(ctx, "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"), fault.Unavailable, ""},
		"shutting down":    {run(ctx, "DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$"), fault.Unavailable, ""},
		"our mistake":      {run(ctx, "SELECT nothing"), fault.Internal, ""},
		"canceled":         {run(canceled, "SELECT 'x'"), fault.Unavailable, ""},
		"no connection":    {postgres.MapErr("op", noDatabase), fault.Unavailable, ""},
		"connection broke": {run(ctx, "SELECT pg_terminate_backend(pg_backend_pid())::text"), fault.Unavailable, ""},
		"a fault":          {postgres.MapErr("op", fault.New(fault.Conflict, "mine")), fault.Conflict, ""},
		"nil":              {postgres.MapErr("op", nil), "", ""},
	} {
		if got := fault.CodeOf(tc.err); got != tc.code {
			t.Errorf("%s: %q, want %q (%v)", name, got, tc.code, tc.err)
		}
		if got := postgres.Constraint(tc.err); got != tc.constraint {
			t.Errorf("%s: constraint %q, want %q", name, got, tc.constraint)
		}
	}
}

func TestInTxRollsBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, err := postgres.Open(ctx, testkit.Postgres(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	mine := errors.New("mine")
	err = postgres.InTx(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE gone ()")
		return errors.Join(err, mine)
	})
	if !errors.Is(err, mine) {
		t.Errorf("error %v, want the one of the function", err)
	}
	var exists bool
	if err := pool.QueryRow(ctx, "SELECT to_regclass('gone') IS NOT NULL").Scan(&exists); err != nil || exists {
		t.Errorf("the table exists: %v, %v", exists, err)
	}
}

func TestOpenKeepsThePasswordOut(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		fmt.Sprintf("postgres://me:hunter2@%s:1/db", "127.0.0.1"),
		"postgres://me:hunter2@127.0.0.1:port/db",
	} {
		_, err := postgres.Open(t.Context(), url, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
