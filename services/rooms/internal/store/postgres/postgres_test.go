package postgres_test

import (
	"context"
	"os"
	"testing"

	pgpool "github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/postgres"
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
	url := testkit.Postgres(tb)
	return func(ctx context.Context) (store.Store, error) { return postgres.Open(ctx, url, nil) }
}

func TestPlans(t *testing.T) {
	t.Parallel()
	pool, err := pgpool.Open(t.Context(), testkit.Postgres(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.New(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	testkit.CheckPostgresPlans(t, pool, ".")
}
