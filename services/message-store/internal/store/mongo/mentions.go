package mongo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Whom a message calls is in its document: inserted with it, and changed by the same guarded updates as everything else
// that its fold changes. What is not folded yet the readers here look up first, as those of messages do.

// toCalled are the ids of users in a document; nil: nobody.
func toCalled(users []ids.User) (texts []string) {
	for _, user := range users {
		texts = append(texts, user.String())
	}
	return texts
}

// unfoldedCalls are whom messages of these rooms call since mutations that are not folded yet.
func (s *Store) unfoldedCalls(ctx context.Context, rooms []ids.Room) (map[store.Ref]store.Calling, error) {
	in := make(bson.A, len(rooms))
	for i, room := range rooms {
		in[i] = room.String()
	}
	names := kindNames()
	pending, err := s.find(ctx, bson.D{
		{Key: "unfolded", Value: true}, {Key: "roomId", Value: bson.D{{Key: "$in", Value: in}}},
		{Key: "kind", Value: bson.D{{Key: "$in", Value: bson.A{names[store.KindEdited], names[store.KindDeleted]}}}},
	}, options.Find().SetSort(bson.D{{Key: "seq", Value: 1}}))
	if err != nil {
		return nil, err
	}
	found := make(map[store.Ref]store.Calling, len(pending))
	for _, p := range pending {
		if c, ok := p.Event.Calling(); ok {
			found[c.Ref] = c
		}
	}
	return found, nil
}

// LastCalls returns the newest message of each of these rooms that calls anybody, or one after it that no longer does. Rooms
// without any are left out.
func (s *Store) LastCalls(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	const op = "mentions.Last"
	pending, err := s.unfoldedCalls(ctx, rooms)
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	all := make([]uint32, len(rooms))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(headReaders)
	for i, room := range rooms {
		group.Go(func() error {
			var d document
			err := s.events.FindOne(ctx, bson.D{{Key: "roomId", Value: room.String()}, {Key: "called", Value: bson.D{{Key: "$exists", Value: true}}}},
				options.FindOne().SetSort(bson.D{{Key: "seq", Value: -1}}).SetProjection(bson.D{{Key: "seq", Value: 1}})).Decode(&d)
			if errors.Is(err, mongo.ErrNoDocuments) {
				return nil
			}
			all[i] = uint32(d.Seq)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	last := make(map[ids.Room]uint32, len(rooms))
	for i, room := range rooms {
		if all[i] > 0 {
			last[room] = all[i]
		}
	}
	for ref, c := range pending {
		if len(c.Users) > 0 {
			last[ref.Room] = max(last[ref.Room], ref.Seq)
		}
	}
	return last, nil
}

// UnreadMentions returns the seqs of the messages that call these readers after a seq, not their own; about
// MaxUnreadMentions of each, the newest, in no order. Readers without any are left out.
func (s *Store) UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error) {
	const op = "mentions.Unread"
	var rooms []ids.Room
	for _, r := range readers {
		rooms = append(rooms, r.Room)
	}
	pending, err := s.unfoldedCalls(ctx, rooms)
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var mu sync.Mutex
	found := map[store.Reader][]uint32{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(headReaders)
	for _, r := range readers {
		group.Go(func() error {
			at, err := s.calls(ctx, r.User, bson.D{{Key: "roomId", Value: r.Room.String()}, {Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(r.After)}}}},
				bson.D{{Key: "seq", Value: -1}}, store.MaxUnreadMentions, r.User, store.Everybody())
			if err != nil {
				return err
			}
			var seqs []uint32
			for _, m := range at {
				if _, changed := pending[m.Ref]; !changed {
					seqs = append(seqs, m.Seq)
				}
			}
			for ref, c := range pending {
				if ref.Room == r.Room && ref.Seq > r.After && c.Calls(r.User) {
					seqs = append(seqs, ref.Seq)
				}
			}
			if len(seqs) > 0 {
				mu.Lock()
				found[r.Reader] = seqs
				mu.Unlock()
			}
			return nil
		})
	}
	return found, pkgmongo.MapErr(op, group.Wait())
}

// Mentions returns up to limit of the messages that call a user in these rooms, not their own, newest first, from before
// on. One that calls the user only since an edit that is not folded yet is missing.
func (s *Store) Mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]store.MentionAt, error) {
	const op = "mentions.List"
	if len(rooms) == 0 {
		return nil, nil
	}
	pending, err := s.unfoldedCalls(ctx, rooms)
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	enough := limit + len(pending) // so many may not count
	older := bson.D{}
	if before != (store.MentionAt{}) {
		at := millis(before.CreatedAt)
		older = bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "createdAt", Value: bson.D{{Key: "$lt", Value: at}}}},
			bson.D{{Key: "createdAt", Value: at}, {Key: "_id", Value: bson.D{{Key: "$lt", Value: documentID(before.Room, before.Seq)}}}},
		}}}
	}
	// Of the user in all rooms at once; of everybody room by room: there, the order of seqs is that of time.
	all := make([][]store.MentionAt, len(rooms)+1)
	in := make(bson.A, len(rooms))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(headReaders)
	for i, room := range rooms {
		in[i] = room.String()
		group.Go(func() (err error) {
			filter := append(bson.D{{Key: "roomId", Value: room.String()}}, older...)
			all[i], err = s.calls(ctx, user, filter, bson.D{{Key: "seq", Value: -1}}, enough, store.Everybody())
			return err
		})
	}
	group.Go(func() (err error) {
		filter := append(bson.D{{Key: "roomId", Value: bson.D{{Key: "$in", Value: in}}}}, older...)
		all[len(rooms)], err = s.calls(ctx, user, filter, bson.D{{Key: "createdAt", Value: -1}, {Key: "_id", Value: -1}}, enough, user)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	found := slices.DeleteFunc(slices.Concat(all...), func(at store.MentionAt) bool {
		now, changed := pending[at.Ref]
		return changed && !now.Calls(user)
	})
	slices.SortFunc(found, store.CompareMentions)
	return found[:min(len(found), limit)], nil
}

// calls returns the messages that call any of these users and are not by author.
func (s *Store) calls(ctx context.Context, author ids.User, filter, order bson.D, limit int, users ...ids.User) ([]store.MentionAt, error) {
	in := make(bson.A, len(users))
	for i, user := range users {
		in[i] = user.String()
	}
	filter = append(bson.D{{Key: "called", Value: bson.D{{Key: "$in", Value: in}}}, {Key: "userId", Value: bson.D{{Key: "$ne", Value: author.String()}}}}, filter...)
	cursor, err := s.events.Find(ctx, filter, options.Find().SetSort(order).SetLimit(int64(limit)).SetProjection(bson.D{
		{Key: "roomId", Value: 1}, {Key: "seq", Value: 1}, {Key: "createdAt", Value: 1},
	}))
	if err != nil {
		return nil, err
	}
	var docs []document
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, err
	}
	found := make([]store.MentionAt, len(docs))
	for i, d := range docs {
		room, err := ids.ParseRoom(d.RoomID)
		if err != nil {
			return nil, fault.E(fault.Internal, "mentions.decode", err)
		}
		found[i] = store.MentionAt{CreatedAt: d.CreatedAt.UnixMilli(), Ref: store.Ref{Room: room, Seq: uint32(d.Seq)}}
	}
	return found, nil
}
