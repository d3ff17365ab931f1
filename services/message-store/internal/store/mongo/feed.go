package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Rooms returns up to limit rooms with events, in the order of their ids, after one: each is one look for the first event
// beyond those of the room before.
func (s *Store) Rooms(ctx context.Context, after ids.Room, limit int) (rooms []ids.Room, err error) {
	const op = "log.Rooms"
	for len(rooms) < limit {
		var d document
		err := s.events.FindOne(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$gte", Value: after.String() + ";"}}}}, // the character after the colon
			options.FindOne().SetSort(bson.D{{Key: "_id", Value: 1}}).SetProjection(bson.D{{Key: "roomId", Value: 1}})).Decode(&d)
		if errors.Is(err, mongo.ErrNoDocuments) {
			break
		}
		if err != nil {
			return nil, pkgmongo.MapErr(op, err)
		}
		if after, err = ids.ParseRoom(d.RoomID); err != nil {
			return nil, fault.E(fault.Internal, op, err)
		}
		rooms = append(rooms, after)
	}
	return rooms, nil
}

// Feed returns what up to limit events after a seq are about; the messages among them take at most maxBytes, but it is at
// least one event.
func (s *Store) Feed(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Feed, error) {
	const op = "log.Feed"
	var f store.Feed
	read, err := s.fold(ctx, room, func(head store.Head, _ []*store.Message) ([]*store.Message, error) {
		f.Head = head
		return s.eventsAfter(ctx, room, after, head, limit, maxBytes)
	})
	if err != nil {
		return store.Feed{}, pkgmongo.MapErr(op, err)
	}
	var changed []uint32
	for _, m := range read {
		changed = append(changed, f.Add(m))
	}
	targets, err := s.Targets(ctx, f.Missing(room, changed))
	for _, m := range targets {
		f.Messages = append(f.Messages, m)
	}
	return f, err
}
