package mongo

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// indexHistory makes the indexes of pins and saved messages.
func (s *Store) indexHistory(ctx context.Context, log *slog.Logger) error {
	_, err := s.events.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "roomId", Value: 1}, {Key: "fold.pinnedSeq", Value: -1}},
		Options: options.Index().SetName("pinned").SetPartialFilterExpression(bson.D{{Key: "fold.pinned", Value: true}}),
	})
	if pkgmongo.Unsupported(err) {
		log.Warn("the database has no partial indexes: the pins of a room are looked for in all of it", "error", err)
		err = nil
	}
	if err != nil {
		return fmt.Errorf("create index pinned: %w", err)
	}
	for _, index := range []mongo.IndexModel{ // one by one: emulations of MongoDB fail to make several at once
		{Keys: bson.D{{Key: "userId", Value: 1}, {Key: "savedId", Value: -1}}, Options: options.Index().SetName("user")},
		{Keys: bson.D{{Key: "roomId", Value: 1}}, Options: options.Index().SetName("room")},
	} {
		if _, err := s.saved.Indexes().CreateOne(ctx, index); err != nil {
			return fmt.Errorf("create an index of saved: %w", err)
		}
	}
	return nil
}

// EventsAt returns the events of a room that have these seqs, in order; the seqs must be in order, too.
func (s *Store) EventsAt(ctx context.Context, room ids.Room, seqs []uint32) (events []*store.Event, err error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	wanted := make(bson.A, len(seqs))
	for i, seq := range seqs {
		wanted[i] = documentID(room, seq)
	}
	found, err := s.fold(ctx, room, func(store.Head, []*store.Message) ([]*store.Message, error) {
		return s.find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: wanted}}}}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	})
	for _, m := range found {
		m.Event.Deleted = m.DeletedSeq != 0
		events = append(events, m.Event)
	}
	return events, pkgmongo.MapErr("log.EventsAt", err)
}

// Pins returns up to limit pinned messages of a room that were pinned by an event with seq < before, what was pinned last
// first.
func (s *Store) Pins(ctx context.Context, room ids.Room, before uint32, limit int) (page store.Page, err error) {
	page.Messages, err = s.fold(ctx, room, func(head store.Head, pending []*store.Message) ([]*store.Message, error) {
		page.AsOf = head.Seq
		// What is pinned as far as it is folded, and what is not yet: that may add to it, or take away.
		unsure := map[uint32]struct{}{}
		var ofUnsure bson.A
		for _, p := range pending {
			if _, again := unsure[p.Event.Target]; !again && (p.Event.Kind == store.KindPinned || p.Event.Kind == store.KindDeleted) {
				unsure[p.Event.Target] = struct{}{}
				ofUnsure = append(ofUnsure, documentID(room, p.Event.Target))
			}
		}
		pinned, err := s.find(ctx, bson.D{
			{Key: "roomId", Value: room.String()}, {Key: "fold.pinned", Value: true}, {Key: "fold.pinnedSeq", Value: bson.D{{Key: "$lt", Value: int64(before)}}},
		}, options.Find().SetSort(bson.D{{Key: "fold.pinnedSeq", Value: -1}}).SetLimit(int64(limit+1+len(unsure))))
		if err != nil || len(unsure) == 0 {
			return pinned, err
		}
		pinned = slices.DeleteFunc(pinned, func(m *store.Message) bool {
			_, twice := unsure[m.Event.Seq]
			return twice
		})
		more, err := s.find(ctx, bson.D{
			{Key: "_id", Value: bson.D{{Key: "$in", Value: ofUnsure}}}, {Key: "kind", Value: kindNames()[store.KindMessage]},
		}, options.Find())
		return append(pinned, more...), err
	})
	page.Messages = slices.DeleteFunc(page.Messages, func(m *store.Message) bool { return !m.Pinned || m.PinnedSeq >= before })
	slices.SortFunc(page.Messages, func(a, b *store.Message) int { return cmp.Compare(b.PinnedSeq, a.PinnedSeq) })
	if len(page.Messages) > limit {
		page.Messages, page.More = page.Messages[:limit], true
	}
	return page, pkgmongo.MapErr("log.Pins", err)
}

// Changes returns the events of a room with after < seq < before that changed it or its members, in order: the newest
// ones, up to limit.
func (s *Store) Changes(ctx context.Context, room ids.Room, after, before uint32, limit int) (events []*store.Event, err error) {
	var kinds bson.A
	for _, kind := range []store.Kind{store.KindMemberJoined, store.KindMemberLeft, store.KindRoomUpdated} {
		kinds = append(kinds, kindNames()[kind])
	}
	found, err := s.find(ctx, bson.D{
		{Key: "_id", Value: roomRange(room, int64(after), int64(before))}, {Key: "kind", Value: bson.D{{Key: "$in", Value: kinds}}},
	}, options.Find().SetSort(bson.D{{Key: "_id", Value: -1}}).SetLimit(int64(limit)))
	for _, m := range slices.Backward(found) {
		events = append(events, m.Event)
	}
	return events, pkgmongo.MapErr("log.Changes", err)
}
