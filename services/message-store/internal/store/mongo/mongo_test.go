package mongo_test

import (
	"log/slog"
	"testing"

	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/message-store/internal/store/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Engine {
		url := testkit.Mongo(t)
		return storetest.Engine{Races: testkit.RealMongo(), Open: func(t *testing.T) storetest.Store { return open(t, url) }}
	})
}

func open(tb testing.TB, url string) *mongo.Store {
	tb.Helper()
	s, err := mongo.Open(tb.Context(), url, "test", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
