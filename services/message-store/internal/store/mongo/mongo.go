// Package mongo keeps the logs of rooms in MongoDB (7 or newer): the engine of production.
//
// An append is one insert of one document per event. What an edit, a deletion, a reaction or a pin does to its message, and
// a reply to the root of its thread, is written behind the commit, by the folder; until then readers apply it themselves:
//
//	Append ──insert──▶ events {unfolded: true} ──folder──▶ message {fold.asOf: seq}, then event {unfolded: –}
//	reader: head, then unfolded mutations, then messages; what a message's fold does not contain yet is applied
//
// The order of the three reads matters: a mutation that is not among the unfolded ones is in the message that is read
// after. A message that contains more than the head of the first read makes the reader start again.
//
// On a sharded cluster the shard key is {roomId: 1}: a room lives on one shard, where its _id and its nonces are unique.
// Reads by _id then go to every shard, which is slower, not wrong.
//
// Not proven by this repository's tests unless NATTER_TEST_MONGODB_URL names a real server: clustered collection,
// partial index, query plans, sharding, and the races of two writers and of two folders.
package mongo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Store is the engine. It is safe for concurrent use.
type Store struct {
	db                                  *mongo.Database
	events, markers, saved, files, meta *mongo.Collection
	folder                              *folder
}

// Open connects, makes collections and indexes that are missing, and starts the folder. App is the name by which the
// servers see this client. Watch, if not nil, sees the commands.
func Open(ctx context.Context, url, app string, watch *obs.Database, log *slog.Logger) (*Store, error) {
	db, err := pkgmongo.Open(ctx, url, app, watch)
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, events: db.Collection("events"), markers: db.Collection("markers"), saved: db.Collection("saved"), files: db.Collection("files"),
		meta: db.Collection("meta"),
	}
	if err := s.migrate(ctx, log); err != nil {
		return nil, errors.Join(pkgmongo.MapErr("mongo.migrate", err), pkgmongo.Close(context.WithoutCancel(ctx), db))
	}
	s.folder = startFolder(s, log)
	return s, nil
}

// Database is where the log is, for what is kept beside it. It is closed by Close.
func (s *Store) Database() *mongo.Database { return s.db }

// Close stops the folder and disconnects. No other method may be running. What is unfolded stays so: whoever opens the
// database next goes on with it.
func (s *Store) Close() error {
	s.folder.close()
	return pkgmongo.Close(context.Background(), s.db)
}

// migrate makes what is missing. What the server does not know is left out with a warning: everything works without it,
// but slower.
func (s *Store) migrate(ctx context.Context, log *slog.Logger) error {
	// Clustered on _id: the events of a room lie in the order of their seqs, a page of history is one range of them.
	clustered := options.CreateCollection().SetClusteredIndex(bson.D{{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "unique", Value: true}})
	err := s.db.CreateCollection(ctx, s.events.Name(), clustered)
	if pkgmongo.Unsupported(err) {
		log.Warn("the database has no clustered collections: history will be slower", "error", err)
		err = s.db.CreateCollection(ctx, s.events.Name())
	}
	if err != nil && !pkgmongo.Exists(err) {
		return fmt.Errorf("create collection events: %w", err)
	}
	if _, err := s.events.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "roomId", Value: 1}, {Key: "userId", Value: 1}, {Key: "nonce", Value: 1}},
		Options: options.Index().SetName("nonce").SetUnique(true),
	}); err != nil {
		return fmt.Errorf("create index nonce: %w", err)
	}
	exists := bson.D{{Key: "$exists", Value: true}}
	for _, i := range []struct {
		name         string
		keys, filter bson.D
		without      string
	}{
		// unfolded is in the key so that the sweep, which names no room, finds its way too.
		{"unfolded", bson.D{{Key: "unfolded", Value: 1}, {Key: "roomId", Value: 1}, {Key: "seq", Value: 1}}, bson.D{{Key: "unfolded", Value: true}},
			"every page of history scans for unfolded events"},
		{"called", bson.D{{Key: "called", Value: 1}, {Key: "roomId", Value: 1}, {Key: "seq", Value: 1}}, bson.D{{Key: "called", Value: exists}},
			"every count of mentions scans for them"},
		{"lastCall", bson.D{{Key: "roomId", Value: 1}, {Key: "seq", Value: -1}}, bson.D{{Key: "called", Value: exists}},
			"the last mention in a room is looked for in all of it"},
		{"calledAt", bson.D{{Key: "called", Value: 1}, {Key: "createdAt", Value: 1}, {Key: "_id", Value: 1}}, bson.D{{Key: "called", Value: exists}},
			"every list of mentions scans for them"},
		{"thread", bson.D{{Key: "roomId", Value: 1}, {Key: "thread", Value: 1}, {Key: "seq", Value: 1}}, bson.D{{Key: "thread", Value: exists}},
			"every page of a thread scans for it"},
		// The first reply of each thread.
		{"threads", bson.D{{Key: "roomId", Value: 1}, {Key: "thread", Value: 1}}, bson.D{{Key: "threadOrdinal", Value: 1}},
			"every list of threads scans for them"},
	} {
		_, err := s.events.Indexes().CreateOne(ctx, mongo.IndexModel{
			Keys: i.keys, Options: options.Index().SetName(i.name).SetPartialFilterExpression(i.filter),
		})
		if pkgmongo.Unsupported(err) {
			log.Warn("the database has no partial indexes: reading will be slower", "how", i.without, "error", err)
			err = nil
		}
		if err != nil {
			return fmt.Errorf("create index %s: %w", i.name, err)
		}
	}
	if err := s.indexHistory(ctx, log); err != nil {
		return err
	}
	return s.indexFiles(ctx)
}

// Ping reports whether a majority-committed, journaled write is possible right now.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.meta.UpdateOne(ctx, bson.D{{Key: "_id", Value: "ping"}}, bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: 1}}}}, options.UpdateOne().SetUpsert(true))
	return pkgmongo.MapErr("mongo.Ping", err)
}

// Meta returns what was made once for this database, and makes it the first time.
func (s *Store) Meta(ctx context.Context) (store.Meta, error) {
	const op = "mongo.Meta"
	key := make([]byte, store.HashKeySize)
	_, _ = rand.Read(key) // never fails
	byID := bson.D{{Key: "_id", Value: "meta"}}
	_, err := s.meta.InsertOne(ctx, append(byID, bson.E{Key: "epoch", Value: uuid.NewString()}, bson.E{Key: "hashKey", Value: bson.Binary{Data: key}}))
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return store.Meta{}, pkgmongo.MapErr(op, err)
	}
	var d struct {
		Epoch   string      `bson:"epoch"`
		HashKey bson.Binary `bson:"hashKey"`
	}
	err = s.meta.FindOne(ctx, byID).Decode(&d)
	return store.Meta{Epoch: d.Epoch, HashKey: d.HashKey.Data}, pkgmongo.MapErr(op, err)
}
