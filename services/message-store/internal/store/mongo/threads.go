package mongo

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// RepliesBefore returns up to limit replies in the thread of a message with seq < before, newest first.
func (s *Store) RepliesBefore(ctx context.Context, root store.Ref, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, root.Room, limit, func(head store.Head) ([]*store.Message, error) {
		return s.messages(ctx, inThread(root, -1, min(int64(before), int64(head.Seq)+1)), -1, limit)
	})
}

// RepliesAfter returns the first replies in the thread of a message with seq > after, up to limit, newest first.
func (s *Store) RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error) {
	page, err := s.page(ctx, root.Room, limit, func(head store.Head) ([]*store.Message, error) {
		return s.messages(ctx, inThread(root, int64(after), int64(head.Seq)+1), 1, limit)
	})
	slices.Reverse(page.Messages)
	return page, err
}

// inThread matches the replies in a thread with from < seq < to.
func inThread(root store.Ref, from, to int64) bson.D {
	return bson.D{
		{Key: "roomId", Value: root.Room.String()}, {Key: "thread", Value: int64(root.Seq)},
		{Key: "seq", Value: bson.D{{Key: "$gt", Value: from}, {Key: "$lt", Value: to}}},
	}
}

// Threads returns up to limit messages with replies in their threads and seq < before, newest first. Every thread has one
// first reply, in the log from the beginning on: what is folded into the roots is not asked.
func (s *Store) Threads(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, room, limit, func(head store.Head) ([]*store.Message, error) {
		firsts, err := s.find(ctx, bson.D{
			{Key: "roomId", Value: room.String()}, {Key: "threadOrdinal", Value: 1}, {Key: "thread", Value: bson.D{{Key: "$lt", Value: int64(before)}}},
			{Key: "seq", Value: bson.D{{Key: "$lte", Value: int64(head.Seq)}}},
		}, options.Find().SetSort(bson.D{{Key: "thread", Value: -1}}).SetLimit(int64(limit)+1).SetProjection(bson.D{
			{Key: "roomId", Value: 1}, {Key: "userId", Value: 1}, {Key: "kind", Value: 1}, {Key: "thread", Value: 1},
		}))
		if err != nil || len(firsts) == 0 {
			return nil, err
		}
		roots := make(bson.A, len(firsts))
		for i, first := range firsts {
			roots[i] = documentID(room, first.Event.Thread)
		}
		return s.messages(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: roots}}}}, -1, limit)
	})
}
