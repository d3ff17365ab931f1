package mongo_test

import (
	"testing"

	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/indextest"
	"github.com/natter-chat/natter/services/message-store/internal/search/mongo"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(t *testing.T) indextest.Engine {
		url := testkit.Mongo(t)
		return indextest.Engine{Races: testkit.RealMongo(), Open: func(t *testing.T, epoch string) search.Index {
			db, err := pkgmongo.Open(t.Context(), url, "test", nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = pkgmongo.Close(t.Context(), db) })
			x, err := mongo.Open(t.Context(), db, epoch)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}}
	})
}
