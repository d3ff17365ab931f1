package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/search"
)

// maxInsert is how many documents one insert has: see store/mongo.
const maxInsert = 100

// codeDuplicateKey is what a server says when a document is there already.
const codeDuplicateKey = 11000

// document is a message in the collection `search`.
type document struct {
	ID        string    `bson:"_id"`
	RoomID    string    `bson:"roomId"`
	Seq       int64     `bson:"seq"`
	CreatedAt time.Time `bson:"createdAt"`
	AsOf      int64     `bson:"asOf"`
	Tokens    []string  `bson:"tokens,omitempty"`
}

// documentID sorts the messages of a room by seq, and rooms one after another.
func documentID(room ids.Room, seq uint32) string { return fmt.Sprintf("%s:%010d", room, seq) }

// Put takes the next parts of rooms: first their documents, then their positions. After a crash in between, or when two do
// it at once, the same documents are put once more.
func (x *Index) Put(ctx context.Context, parts []search.Part) error {
	var docs []document
	for _, part := range parts {
		if part.Ended {
			if err := x.end(ctx, part); err != nil {
				return err
			}
			continue
		}
		for _, d := range part.Documents {
			docs = append(docs, document{
				ID: documentID(part.Room, d.Seq), RoomID: part.Room.String(), Seq: int64(d.Seq), CreatedAt: time.UnixMilli(d.CreatedAt).UTC(),
				AsOf: int64(d.AsOf), Tokens: distinct(d.Tokens),
			})
		}
	}
	for ; len(docs) > 0; docs = docs[min(maxInsert, len(docs)):] {
		if err := x.write(ctx, docs[:min(maxInsert, len(docs))]); err != nil {
			return pkgmongo.MapErr("search.Put", err)
		}
	}
	for _, part := range parts {
		if err := x.move(ctx, part); err != nil {
			return pkgmongo.MapErr("search.Move", err)
		}
	}
	return nil
}

// write inserts documents; those that are there already it replaces, unless they know of more.
func (x *Index) write(ctx context.Context, docs []document) error {
	_, err := x.documents.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	failed, ok := errors.AsType[mongo.BulkWriteException](err)
	if !ok || failed.WriteConcernError != nil {
		return err
	}
	for _, e := range failed.WriteErrors {
		if e.Code != codeDuplicateKey {
			return err
		}
		d := docs[e.Index]
		if _, err := x.documents.ReplaceOne(ctx, append(byID(d.ID), bson.E{Key: "asOf", Value: bson.D{{Key: "$lt", Value: d.AsOf}}}), d); err != nil {
			return err
		}
	}
	return nil
}

// end takes the tokens of a room's messages away.
func (x *Index) end(ctx context.Context, part search.Part) error {
	_, err := x.documents.UpdateMany(ctx, bson.D{{Key: "roomId", Value: part.Room.String()}}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "asOf", Value: int64(part.To)}}}, {Key: "$unset", Value: bson.D{{Key: "tokens", Value: ""}}},
	})
	return pkgmongo.MapErr("search.End", err)
}

// move moves the position of a room, if it still is where the part begins.
func (x *Index) move(ctx context.Context, part search.Part) error {
	to := bson.E{Key: "seq", Value: int64(part.To)}
	if part.From > 0 {
		_, err := x.positions.UpdateOne(ctx, append(byID(part.Room.String()), bson.E{Key: "seq", Value: int64(part.From)}),
			bson.D{{Key: "$set", Value: bson.D{to}}})
		return err
	}
	_, err := x.positions.InsertOne(ctx, append(byID(part.Room.String()), to))
	if mongo.IsDuplicateKeyError(err) { // somebody was faster, or it was put back to the beginning
		_, err = x.positions.UpdateOne(ctx, append(byID(part.Room.String()), bson.E{Key: "seq", Value: 0}), bson.D{{Key: "$set", Value: bson.D{to}}})
	}
	return err
}

// distinct leaves out tokens that were there before: an array needs each once.
func distinct(tokens []string) (all []string) {
	seen := make(map[string]bool, len(tokens))
	for _, t := range tokens {
		if !seen[t] {
			seen[t] = true
			all = append(all, t)
		}
	}
	return all
}
