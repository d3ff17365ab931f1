package mongo

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// headReaders bounds the point reads of one Heads call that run at the same time.
	headReaders = 8
	// maxRereads is how often a reader starts again because a message was folded beyond the head it had read.
	maxRereads = 10
	// beyond is above every seq.
	beyond = 1 << 32
)

// FindNonces returns the events that have these nonces; keys without one are left out.
func (s *Store) FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error) {
	found := map[store.NonceKey]store.Stored{}
	if len(keys) == 0 {
		return found, nil
	}
	// An equality per key: MongoDB looks each up in the index.
	or := make(bson.A, len(keys))
	for i, k := range keys {
		or[i] = bson.D{{Key: "roomId", Value: k.Room.String()}, {Key: "userId", Value: k.User.String()}, {Key: "nonce", Value: k.Nonce}}
	}
	docs, err := s.find(ctx, bson.D{{Key: "$or", Value: or}}, options.Find().SetProjection(bson.D{
		{Key: "roomId", Value: 1}, {Key: "userId", Value: 1}, {Key: "nonce", Value: 1}, {Key: "seq", Value: 1},
		{Key: "createdAt", Value: 1}, {Key: "hash", Value: 1}, {Key: "kind", Value: 1},
	}))
	for _, m := range docs {
		e := m.Event
		found[store.NonceKey{Room: e.Room, User: e.Actor.User, Nonce: e.Nonce}] = store.Stored{Seq: e.Seq, CreatedAt: e.CreatedAt, Hash: e.Hash}
	}
	return found, pkgmongo.MapErr("log.FindNonces", err)
}

// Heads returns the heads of these rooms; rooms without events are left out.
func (s *Store) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error) {
	all := make([]store.Head, len(rooms))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(headReaders)
	for i, room := range rooms {
		group.Go(func() (err error) {
			all[i], err = s.head(ctx, room)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, pkgmongo.MapErr("log.Heads", err)
	}
	heads := make(map[ids.Room]store.Head, len(rooms))
	for i, h := range all {
		if h.Seq > 0 {
			heads[rooms[i]] = h
		}
	}
	return heads, nil
}

func (s *Store) head(ctx context.Context, room ids.Room) (store.Head, error) {
	var d document
	err := s.events.FindOne(ctx, bson.D{{Key: "_id", Value: roomRange(room, 0, beyond)}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetProjection(bson.D{
			{Key: "seq", Value: 1}, {Key: "ordinal", Value: 1}, {Key: "version", Value: 1}, {Key: "createdAt", Value: 1},
		})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Head{}, nil
	}
	if err != nil {
		return store.Head{}, err
	}
	return store.Head{Seq: uint32(d.Seq), Ordinal: uint32(d.Ordinal), Version: uint32(d.Version), CreatedAt: d.CreatedAt.UnixMilli()}, nil
}

// Events returns up to limit events after a seq, in order, that together take at most maxBytes (but at least one), and
// the head they were read under.
func (s *Store) Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Log, error) {
	var log store.Log
	read, err := s.fold(ctx, room, func(head store.Head, _ []*store.Message) ([]*store.Message, error) {
		log.Head = head
		return s.eventsAfter(ctx, room, after, head, limit, maxBytes)
	})
	if err != nil {
		return store.Log{}, pkgmongo.MapErr("log.Events", err)
	}
	for _, m := range read {
		m.Event.Deleted = m.DeletedSeq != 0
		log.Events = append(log.Events, m.Event)
	}
	return log, nil
}

// eventsAfter returns up to limit events after a seq and up to the head that together take at most maxBytes, but at least
// one.
func (s *Store) eventsAfter(ctx context.Context, room ids.Room, after uint32, head store.Head, limit, maxBytes int) ([]*store.Message, error) {
	cursor, err := s.events.Find(ctx, bson.D{{Key: "_id", Value: roomRange(room, int64(after), int64(head.Seq)+1)}},
		options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(int64(limit)))
	if err != nil {
		return nil, err
	}
	return decode(ctx, cursor, func(m *store.Message, taken int) bool {
		maxBytes -= m.Event.Size()
		return maxBytes >= 0 || taken == 0
	})
}

// MessagesBefore returns up to limit messages with seq < before, newest first.
func (s *Store) MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, room, limit, func(head store.Head) ([]*store.Message, error) {
		return s.messages(ctx, inRoom(roomRange(room, 0, min(int64(before), int64(head.Seq)+1))), -1, limit)
	})
}

// MessagesAfter returns the first messages with seq > after, up to limit, newest first.
func (s *Store) MessagesAfter(ctx context.Context, room ids.Room, after uint32, limit int) (store.Page, error) {
	page, err := s.page(ctx, room, limit, func(head store.Head) ([]*store.Message, error) {
		return s.messages(ctx, inRoom(roomRange(room, int64(after), int64(head.Seq)+1)), 1, limit)
	})
	slices.Reverse(page.Messages)
	return page, err
}

// inRoom matches the messages in a range of ids that stand in the room itself.
func inRoom(within bson.D) bson.D {
	return bson.D{{Key: "_id", Value: within}, {Key: "kind", Value: kindNames()[store.KindMessage]}, {Key: "thread", Value: nil}}
}

// messages returns up to limit+1 messages, in the order of their ids (1) or the other way (-1).
func (s *Store) messages(ctx context.Context, filter bson.D, order, limit int) ([]*store.Message, error) {
	return s.find(ctx, filter, options.Find().SetSort(bson.D{{Key: "_id", Value: order}}).SetLimit(int64(limit)+1))
}

// page makes a page of what read returns, of which there are more if it is more than limit.
func (s *Store) page(ctx context.Context, room ids.Room, limit int, read func(store.Head) ([]*store.Message, error)) (page store.Page, err error) {
	page.Messages, err = s.fold(ctx, room, func(head store.Head, _ []*store.Message) ([]*store.Message, error) {
		page.AsOf = head.Seq
		return read(head)
	})
	if len(page.Messages) > limit {
		page.Messages, page.More = page.Messages[:limit], true
	}
	return page, pkgmongo.MapErr("log.Messages", err)
}

// Targets returns these messages as they are now; what is not a message is left out.
func (s *Store) Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error) {
	byRoom := map[ids.Room]bson.A{}
	for _, ref := range refs {
		byRoom[ref.Room] = append(byRoom[ref.Room], documentID(ref.Room, ref.Seq))
	}
	found := make(map[store.Ref]*store.Message, len(refs))
	for room, wanted := range byRoom {
		messages, err := s.fold(ctx, room, func(store.Head, []*store.Message) ([]*store.Message, error) {
			return s.find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: wanted}}}, {Key: "kind", Value: kindNames()[store.KindMessage]}}, options.Find())
		})
		if err != nil {
			return nil, pkgmongo.MapErr("log.Targets", err)
		}
		for _, m := range messages {
			found[store.Ref{Room: room, Seq: m.Event.Seq}] = m
		}
	}
	return found, nil
}

// fold reads a part of a room's log and applies what is not folded into it yet: the result is exact as of the head that
// read is given. Read must not return what is after that head; it may look at what will be applied.
func (s *Store) fold(ctx context.Context, room ids.Room, read func(store.Head, []*store.Message) ([]*store.Message, error)) ([]*store.Message, error) {
	for range maxRereads {
		head, err := s.head(ctx, room)
		if err != nil {
			return nil, err
		}
		pending, err := s.unfolded(ctx, room, head.Seq)
		if err != nil {
			return nil, err
		}
		found, err := read(head, pending)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(found, func(m *store.Message) bool { return m.AsOf > head.Seq }) {
			apply(pending, found)
			return found, nil
		}
	}
	return nil, fault.New(fault.Unavailable, "the room changes too fast; try again")
}

// unfolded returns the events up to a seq that are not folded into their messages yet, in order.
func (s *Store) unfolded(ctx context.Context, room ids.Room, upTo uint32) ([]*store.Message, error) {
	return s.find(ctx, unfoldedFilter(room, upTo), options.Find().SetSort(bson.D{{Key: "seq", Value: 1}}))
}

func unfoldedFilter(room ids.Room, upTo uint32) bson.D {
	return bson.D{
		{Key: "roomId", Value: room.String()}, {Key: "unfolded", Value: true}, {Key: "seq", Value: bson.D{{Key: "$lte", Value: int64(upTo)}}},
	}
}

// apply folds pending events into the messages among found, and blanks the edits of those that are deleted.
func apply(pending, found []*store.Message) {
	if len(pending) == 0 {
		return
	}
	bySeq := make(map[uint32]*store.Message, len(found))
	for _, m := range found {
		bySeq[m.Event.Seq] = m
	}
	deleted := map[uint32]bool{}
	for _, p := range pending {
		if m := bySeq[p.Event.FoldsInto()]; m != nil && m.Event.Kind == store.KindMessage {
			m.Apply(p.Event)
		}
		if p.Event.Kind == store.KindDeleted {
			deleted[p.Event.Target] = true
		}
	}
	for _, m := range found {
		if m.DeletedSeq != 0 || (m.Event.Kind == store.KindEdited && deleted[m.Event.Target]) {
			m.Event.Wipe()
		}
	}
}

func (s *Store) find(ctx context.Context, filter bson.D, opts *options.FindOptionsBuilder) ([]*store.Message, error) {
	cursor, err := s.events.Find(ctx, filter, opts)
	if err != nil {
		return nil, err
	}
	return decode(ctx, cursor, func(*store.Message, int) bool { return true })
}

// decode reads documents until take says no, which gets the next one and how many were taken.
func decode(ctx context.Context, cursor *mongo.Cursor, take func(next *store.Message, taken int) bool) (all []*store.Message, err error) {
	defer func() { err = errors.Join(err, cursor.Close(context.WithoutCancel(ctx))) }()
	for cursor.Next(ctx) {
		var d document
		if err := cursor.Decode(&d); err != nil {
			return nil, err
		}
		m, err := d.message()
		if err != nil {
			return nil, fault.E(fault.Internal, "events.decode", err)
		}
		if !take(m, len(all)) {
			break
		}
		all = append(all, m)
	}
	return all, cursor.Err()
}
