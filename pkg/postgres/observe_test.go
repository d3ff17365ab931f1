package postgres_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/testkit"
)

// Slow queries are logged and counted, without what they were asked with; the pool shows its connections.
func TestWatched(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	reg := prometheus.NewRegistry()
	watch, err := obs.NewDatabase(obs.DatabaseConfig{SlowQuery: time.Nanosecond}, "auth", "postgres", reg, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.Open(t.Context(), testkit.Postgres(t), watch)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	said.Reset() // how it connected
	if _, err := pool.Exec(t.Context(), "SELECT $1::text", "hunter2"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "SELECT 1/0"); err == nil {
		t.Fatal("divided by zero")
	}
	if got := said.String(); !strings.Contains(got, "SELECT $1::text") || strings.Contains(got, "hunter2") {
		t.Errorf("said %s", got)
	}
	for name, want := range map[string]int{
		"natter_database_seconds": 1, "natter_database_slow_queries_total": 1, "natter_database_connections": 3, "natter_database_pool_waits_total": 1,
	} {
		if n, err := testutil.GatherAndCount(reg, name); err != nil || n != want {
			t.Errorf("%s: %d series, %v", name, n, err)
		}
	}
	err = testutil.GatherAndCompare(reg, strings.NewReader(`# HELP natter_database_failed_queries_total Queries that ended with an error, expected ones (a duplicate key) among them.
# TYPE natter_database_failed_queries_total counter
natter_database_failed_queries_total{database="postgres",service="auth"} 1
`), "natter_database_failed_queries_total")
	if err != nil {
		t.Error(err)
	}
}
