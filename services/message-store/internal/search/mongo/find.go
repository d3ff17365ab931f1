package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Find returns messages that may fit: those that have all the words, in whatever order.
func (x *Index) Find(ctx context.Context, f search.Filter, before search.At, limit int) ([]search.At, error) {
	const op = "search.Find"
	if len(f.Rooms) == 0 {
		return nil, nil
	}
	cursor, err := x.documents.Find(ctx, filter(f, before), options.Find().
		SetSort(bson.D{{Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}}).SetLimit(int64(limit)).
		SetProjection(bson.D{{Key: "roomId", Value: 1}, {Key: "seq", Value: 1}, {Key: "createdAt", Value: 1}}))
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []document
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	found := make([]search.At, len(docs))
	for i, d := range docs {
		room, err := ids.ParseRoom(d.RoomID)
		if err != nil {
			return nil, fault.E(fault.Internal, op, err)
		}
		found[i] = search.At{CreatedAt: d.CreatedAt.UnixMilli(), Ref: store.Ref{Room: room, Seq: uint32(d.Seq)}}
	}
	return found, nil
}

// filter names one token to go by first, so that the index is used for its order as well.
func filter(f search.Filter, before search.At) bson.D {
	rooms := make(bson.A, len(f.Rooms))
	for i, room := range f.Rooms {
		rooms[i] = room.String()
	}
	wanted, others := tokens(f)
	all := bson.D{{Key: "roomId", Value: bson.D{{Key: "$in", Value: rooms}}}, {Key: "tokens", Value: bson.D{{Key: "$all", Value: wanted}}}}
	if times := between(f.After, f.Before); len(times) > 0 {
		others = append(others, bson.D{{Key: "createdAt", Value: times}})
	}
	if before != (search.At{}) {
		at := time.UnixMilli(before.CreatedAt).UTC()
		others = append(others, bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "createdAt", Value: bson.D{{Key: "$lt", Value: at}}}},
			bson.D{{Key: "createdAt", Value: at}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: documentID(before.Room, before.Seq)}}}},
		}}})
	}
	if len(others) > 0 {
		all = append(all, bson.E{Key: "$and", Value: others})
	}
	return all
}

// tokens are those that a message must have, at least one, and what else is asked of its tokens.
func tokens(f search.Filter) (wanted, others bson.A) {
	for _, t := range f.Terms {
		last := len(t.Words) - 1
		switch {
		case t.Not && last > 0: // that the words are there says nothing about the phrase
		case t.Not:
			others = append(others, bson.D{{Key: "tokens", Value: bson.D{{Key: "$ne", Value: search.WordToken(t.Words[0])}}}})
		default:
			for _, w := range t.Words[:last] {
				wanted = append(wanted, search.WordToken(w))
			}
			if token := search.WordToken(t.Words[last]); t.Prefix {
				// Letters and digits only: nothing of it means anything else in a regular expression.
				others = append(others, bson.D{{Key: "tokens", Value: bson.D{{Key: "$regex", Value: "^" + token}}}})
			} else {
				wanted = append(wanted, token)
			}
		}
	}
	for _, has := range f.Has {
		wanted = append(wanted, search.HasToken(has))
	}
	if len(f.From) == 1 {
		wanted = append(wanted, search.FromToken(f.From[0]))
	} else if len(f.From) > 1 {
		from := make(bson.A, len(f.From))
		for i, user := range f.From {
			from[i] = search.FromToken(user)
		}
		others = append(others, bson.D{{Key: "tokens", Value: bson.D{{Key: "$in", Value: from}}}})
	}
	if len(wanted) == 0 {
		wanted = append(wanted, search.TokenAny)
	}
	return wanted, others
}

func between(after, before int64) (d bson.D) {
	if after > 0 {
		d = append(d, bson.E{Key: "$gte", Value: time.UnixMilli(after).UTC()})
	}
	if before > 0 {
		d = append(d, bson.E{Key: "$lt", Value: time.UnixMilli(before).UTC()})
	}
	return d
}
