package postgres_test

import (
	"testing"

	natterpg "github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/store/postgres"
	"github.com/natter-chat/natter/services/auth/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func() store.Store {
		t.Helper()
		url := testkit.Postgres(t)
		return func() store.Store {
			s, err := postgres.Open(t.Context(), url, nil)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestEveryQueryHasAnIndex(t *testing.T) {
	t.Parallel()
	url := testkit.Postgres(t)
	s, err := postgres.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	pool, err := natterpg.Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	testkit.CheckPostgresPlans(t, pool, ".")
}
