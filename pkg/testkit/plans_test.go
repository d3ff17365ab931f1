package testkit_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite"

	"github.com/natter-chat/natter/pkg/testkit"
)

const engine = `package engine

import "nowhere"

const columns = "id, name"

func queries() {
	nowhere.Do("SELECT " + columns + " FROM things WHERE id = $1")
	nowhere.Do("SELECT * FROM (SELECT " + columns + " FROM things WHERE id > $1 ORDER BY id LIMIT 1) sub ORDER BY name")
	nowhere.Do("UPDATE things SET name = $2 WHERE id = $1")
	nowhere.Do("INSERT INTO things (id, name) VALUES ($1, $2)")
	nowhere.Do("SELECT " + columns + " FROM things WHERE name = $1")
	nowhere.Do("SELECT id FROM things ORDER BY id")
	nowhere.Do("DELETE FROM things /* scan: it is emptied */")
}
`

// recorder is a test that keeps its errors to itself.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func TestPlansWithoutAnIndexAreFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, source := range map[string]string{"postgres": engine, "sqlite": strings.ReplaceAll(engine, "$", "?")} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "engine.go"), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const schema = "CREATE TABLE things (id bigint PRIMARY KEY, name text)"

	pool, err := pgxpool.New(t.Context(), testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}

	check := func(engine string, r *recorder) {
		if len(r.errors) != 2 || !strings.Contains(r.errors[0], "WHERE name") || !strings.Contains(r.errors[1], "ORDER BY") {
			t.Errorf("%s: found %d: %s; want the query by name and the whole list", engine, len(r.errors), r.errors)
		}
	}
	inPostgres, inSQLite := &recorder{TB: t}, &recorder{TB: t}
	testkit.CheckPostgresPlans(inPostgres, pool, filepath.Join(dir, "postgres"))
	check("PostgreSQL", inPostgres)
	testkit.CheckSQLitePlans(inSQLite, db, filepath.Join(dir, "sqlite"))
	check("SQLite", inSQLite)
}
