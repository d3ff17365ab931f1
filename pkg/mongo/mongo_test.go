package mongo

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/testkit"
)

func TestDatabaseName(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"mongodb://localhost:27017":                        "natter",
		"mongodb://localhost:27017/":                       "natter",
		"mongodb://localhost/chat":                         "chat",
		"mongodb://u:p%2Fw@a:1,b:2,c:3/chat?replicaSet=rs": "chat",
		"mongodb+srv://example.org/?tls=true":              "natter",
		"postgres://localhost/chat":                        "",
		"localhost":                                        "",
	} {
		got, err := database(url)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("database(%q) = %q, %v; want %q", url, got, err, want)
		}
	}
}

// A URL cannot make an ack mean less.
func TestPromisesCannotBeWeakened(t *testing.T) {
	t.Parallel()
	o := clientOptions("mongodb://localhost/?w=1&journal=false&readConcernLevel=local&readPreference=secondary", "test")
	if wc := o.WriteConcern; wc.W != "majority" || wc.Journal == nil || !*wc.Journal {
		t.Errorf("write concern %+v", wc)
	}
	if o.ReadConcern.Level != "majority" || o.ReadPreference.Mode() != readpref.PrimaryMode {
		t.Errorf("read concern %+v, preference %v", o.ReadConcern, o.ReadPreference)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), testkit.Mongo(t), "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Close(context.Background(), db); err != nil {
			t.Error(err)
		}
	})
	c := db.Collection("things")
	if _, err := c.InsertOne(t.Context(), bson.M{"_id": 1}); err != nil {
		t.Fatal(err)
	}
	_, err = c.InsertOne(t.Context(), bson.M{"_id": 1})
	if got := fault.CodeOf(MapErr("insert", err)); got != fault.AlreadyExists {
		t.Errorf("duplicate key: %q (%v)", got, err)
	}
	err = c.FindOne(t.Context(), bson.M{"_id": 2}).Err()
	if got := fault.CodeOf(MapErr("find", err)); got != fault.NotFound {
		t.Errorf("no document: %q (%v)", got, err)
	}
	if err := db.CreateCollection(t.Context(), "things"); !Exists(err) {
		t.Errorf("a collection that exists: %v", err)
	}
}

func TestOpenFailsWithoutAServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, "mongodb://127.0.0.1:1", "test", nil)
	if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.DeadlineExceeded {
		t.Errorf("Open = %v", err)
	}
	if _, err := Open(t.Context(), "http://x", "test", nil); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("Open of another URL = %v", err)
	}
}
