package mongo

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/pkg/testkit"
)

func TestWatched(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	watch, err := obs.NewDatabase(obs.DatabaseConfig{}, "message-store", "mongodb", reg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	url := testkit.Mongo(t)
	db, err := Open(t.Context(), url+map[bool]string{true: "&", false: "?"}[strings.Contains(url, "?")]+"maxPoolSize=7", "test", watch)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = Close(t.Context(), db) }()
	if _, err := db.Collection("things").InsertOne(t.Context(), bson.M{"_id": 1}); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "natter_database_seconds"); err != nil || n != 1 {
		t.Errorf("%d series of seconds, %v", n, err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == "natter_database_connections" && l.GetName() == "state" {
					states[l.GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
	}
	if states["max"] != 7 || states["in_use"] != 0 || states["idle"] < 1 {
		t.Errorf("connections %v", states)
	}
}
