package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, database)
}

func TestCrowd(t *testing.T) {
	if os.Getenv("NATTER_TEST_HEAVY") == "" {
		t.Skip("slow: NATTER_TEST_HEAVY=1 runs it")
	}
	t.Parallel()
	storetest.Crowd(t, database)
}

func BenchmarkCrowd(b *testing.B) { storetest.Benchmark(b, database) }

func database(tb testing.TB) storetest.Open {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "rooms.db")
	return func(ctx context.Context) (store.Store, error) { return sqlite.Open(ctx, path) }
}

func TestPlans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rooms.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	testkit.CheckSQLitePlans(t, db, ".")
}
