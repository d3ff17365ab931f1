// Package mongo keeps the search index in MongoDB, in the database of the log: collection `search` has a document for each
// message, `searchPositions` one for each room.
//
// It is an ordinary index over the tokens of messages (multikey, by room, token and time), not one of MongoDB's text
// indexes: those order by score, not by time, so that a common word is sorted as a whole for each page; they have no
// prefixes, and fold and stem by rules other than SQLite's. Phrases, and words that must not be there next to others, the
// caller compares with the text.
//
// Several instances may feed it. Every write is guarded by the seq of the last event that it knows of, so what comes late
// changes nothing; a message that is deleted leaves its id behind for that, without a token.
//
// Not proven by this repository's tests unless NATTER_TEST_MONGODB_URL names a real server: that the plan is a merge of
// index scans, one for each room (above 200 rooms MongoDB may sort instead), speed, and the races of two writers.
package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/search"
)

// Index is the engine.
type Index struct{ documents, positions *mongo.Collection }

// metaID is the id of the document of positions that says what the index was made from, and how. It is no room's.
const metaID = "meta"

// Open makes the collections and indexes that are missing in a database whose log has this epoch. An index of another log or
// format is cleared. The database stays the caller's.
func Open(ctx context.Context, db *mongo.Database, epoch string) (*Index, error) {
	x := &Index{db.Collection("search"), db.Collection("searchPositions")}
	return x, pkgmongo.MapErr("search.Open", x.prepare(ctx, epoch))
}

func (x *Index) prepare(ctx context.Context, epoch string) error {
	if _, err := x.documents.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "roomId", Value: 1}, {Key: "tokens", Value: 1}, {Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}},
		Options: options.Index().SetName("tokens"),
	}); err != nil {
		return fmt.Errorf("create an index of search: %w", err)
	}
	madeFrom := bson.E{Key: "madeFrom", Value: fmt.Sprintf("%s %d", epoch, search.Format)}
	_, err := x.positions.InsertOne(ctx, append(byID(metaID), madeFrom))
	if !mongo.IsDuplicateKeyError(err) {
		return err // it is new, and empty
	}
	// Of those who start at once, only who replaces it clears: the others may be feeding it by then.
	result, err := x.positions.UpdateOne(ctx, append(byID(metaID), bson.E{Key: "madeFrom", Value: bson.D{{Key: "$ne", Value: madeFrom.Value}}}),
		bson.D{{Key: "$set", Value: bson.D{madeFrom}}})
	if err != nil || result.ModifiedCount == 0 {
		return err
	}
	return x.Clear(ctx)
}

// Close does nothing: the connection is the store's.
func (x *Index) Close() error { return nil }

// Clear forgets everything: first the positions, so that who is feeding a room notices.
func (x *Index) Clear(ctx context.Context) error {
	_, err := x.positions.DeleteMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$ne", Value: metaID}}}})
	if err == nil {
		_, err = x.documents.DeleteMany(ctx, bson.D{})
	}
	return pkgmongo.MapErr("search.Clear", err)
}

// Positions returns up to which seq rooms are indexed.
func (x *Index) Positions(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	const op = "search.Positions"
	in := make(bson.A, len(rooms))
	byText := make(map[string]ids.Room, len(rooms))
	for i, room := range rooms {
		in[i] = room.String()
		byText[room.String()] = room
	}
	cursor, err := x.positions.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: in}}}})
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []struct {
		ID  string `bson:"_id"`
		Seq int64  `bson:"seq"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	at := make(map[ids.Room]uint32, len(docs))
	for _, d := range docs {
		at[byText[d.ID]] = uint32(d.Seq)
	}
	return at, nil
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }
