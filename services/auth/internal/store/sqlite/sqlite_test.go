package sqlite_test

import (
	"path/filepath"
	"testing"

	nattersqlite "github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/auth/internal/store"
	"github.com/natter-chat/natter/services/auth/internal/store/sqlite"
	"github.com/natter-chat/natter/services/auth/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func() store.Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), "auth.db")
		return func() store.Store {
			s, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}

func TestEveryQueryHasAnIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	db, err := nattersqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	testkit.CheckSQLitePlans(t, db.Read(), ".")
}
