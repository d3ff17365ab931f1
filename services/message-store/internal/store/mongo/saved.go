package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// savedDocument is a saved message in the collection `saved`. Its _id says who and what, so that it is there once.
type savedDocument struct {
	ID     string `bson:"_id"`
	UserID string `bson:"userId"`
	RoomID string `bson:"roomId"`
	Seq    int64  `bson:"seq"`
	// SavedID sorts by when it was saved.
	SavedID string `bson:"savedId"`
}

func savedID(user ids.User, m store.Ref) string { return fmt.Sprintf("%s:%s:%d", user, m.Room, m.Seq) }

// Save saves a message for a user and reports whether it was not saved before. ErrFull: they have saved so many already.
// Who saves several at the very same time may get a few more.
func (s *Store) Save(ctx context.Context, m store.Saved, most int) (isNew bool, err error) {
	const op = "saved.Save"
	byID := bson.D{{Key: "_id", Value: savedID(m.User, m.Ref)}}
	if n, err := s.saved.CountDocuments(ctx, byID); err != nil || n > 0 {
		return false, pkgmongo.MapErr(op, err)
	}
	n, err := s.saved.CountDocuments(ctx, bson.D{{Key: "userId", Value: m.User.String()}}, options.Count().SetLimit(int64(most)))
	if err != nil {
		return false, pkgmongo.MapErr(op, err)
	}
	if n >= int64(most) {
		return false, store.ErrFull
	}
	_, err = s.saved.InsertOne(ctx, savedDocument{
		ID: savedID(m.User, m.Ref), UserID: m.User.String(), RoomID: m.Room.String(), Seq: int64(m.Seq), SavedID: m.ID.String(),
	})
	if mongo.IsDuplicateKeyError(err) {
		return false, nil
	}
	return err == nil, pkgmongo.MapErr(op, err)
}

// Unsave takes that back, and reports whether the message was saved.
func (s *Store) Unsave(ctx context.Context, user ids.User, m store.Ref) (was bool, err error) {
	result, err := s.saved.DeleteOne(ctx, bson.D{{Key: "_id", Value: savedID(user, m)}})
	return err == nil && result.DeletedCount > 0, pkgmongo.MapErr("saved.Unsave", err)
}

// UnsaveRoom forgets what a user saved in a room.
func (s *Store) UnsaveRoom(ctx context.Context, user ids.User, room ids.Room) error {
	_, err := s.saved.DeleteMany(ctx, bson.D{{Key: "userId", Value: user.String()}, {Key: "roomId", Value: room.String()}})
	return pkgmongo.MapErr("saved.UnsaveRoom", err)
}

// Saved returns up to limit messages that a user saved before an id, newest first.
func (s *Store) Saved(ctx context.Context, user ids.User, before ids.Saved, limit int) ([]store.Saved, error) {
	const op = "saved.List"
	cursor, err := s.saved.Find(ctx, bson.D{{Key: "userId", Value: user.String()}, {Key: "savedId", Value: bson.D{{Key: "$lt", Value: before.String()}}}},
		options.Find().SetSort(bson.D{{Key: "savedId", Value: -1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []savedDocument
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	all := make([]store.Saved, len(docs))
	for i, d := range docs {
		room, roomErr := ids.ParseRoom(d.RoomID)
		id, idErr := ids.ParseSaved(d.SavedID)
		if roomErr != nil || idErr != nil {
			return nil, fault.E(fault.Internal, op, fmt.Errorf("saved message %s: a malformed id", d.ID))
		}
		all[i] = store.Saved{User: user, Ref: store.Ref{Room: room, Seq: uint32(d.Seq)}, ID: id}
	}
	return all, nil
}
