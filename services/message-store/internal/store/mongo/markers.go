package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	pkgmongo "github.com/natter-chat/natter/pkg/mongo"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxMarkerTries is how often a marker is read and moved again because another move was faster.
const maxMarkerTries = 20

// markerDocument is a document of the collection `markers`. Its id begins with the user's, so that those of one user lie
// together.
type markerDocument struct {
	ID string `bson:"_id"`
	// Moves counts the writes: one is only made upon what was read.
	Moves     int64  `bson:"moves"`
	RoomID    string `bson:"roomId"`
	Thread    int64  `bson:"thread"`
	Seq       int64  `bson:"seq"`
	Ordinal   int64  `bson:"ordinal"`
	Rev       int64  `bson:"rev"`
	Held      int64  `bson:"held"`
	Seen      int64  `bson:"seen"`
	Delivered int64  `bson:"delivered"`
}

// markerID is `<user>:<room>`, with `:<seq>` if it is of a thread.
func markerID(r store.Reader) string {
	id := r.User.String() + ":" + r.Room.String()
	if r.Thread != 0 {
		id += fmt.Sprintf(":%010d", r.Thread)
	}
	return id
}

func (d *markerDocument) marker() store.Marker {
	return store.Marker{
		Seq: uint32(d.Seq), Ordinal: uint32(d.Ordinal), Rev: uint32(d.Rev), Held: uint32(d.Held), Seen: uint32(d.Seen), Delivered: uint32(d.Delivered),
	}
}

func toMarkerDocument(r store.Reader, m store.Marker, moves int64) *markerDocument {
	return &markerDocument{
		ID: markerID(r), Moves: moves, RoomID: r.Room.String(), Thread: int64(r.Thread), Seq: int64(m.Seq), Ordinal: int64(m.Ordinal),
		Rev: int64(m.Rev), Held: int64(m.Held), Seen: int64(m.Seen), Delivered: int64(m.Delivered),
	}
}

// Markers returns the markers of these readers; those that are not stored are left out.
func (s *Store) Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	const op = "markers.Get"
	byID := make(map[string]store.Reader, len(readers))
	wanted := make(bson.A, 0, len(readers))
	for _, r := range readers {
		id := markerID(r)
		byID[id] = r
		wanted = append(wanted, id)
	}
	cursor, err := s.markers.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: wanted}}}})
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []markerDocument
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	found := make(map[store.Reader]store.Marker, len(docs))
	for _, d := range docs {
		found[byID[d.ID]] = d.marker()
	}
	return found, nil
}

// MoveMarkers moves markers in this order, and returns those that moved; with an error, those that had moved before it.
func (s *Store) MoveMarkers(ctx context.Context, moves []store.Move) (moved []store.Moved, err error) {
	for _, mv := range moves {
		to, isMoved, err := s.moveMarker(ctx, mv)
		if err != nil {
			return moved, pkgmongo.MapErr("markers.Move", err)
		}
		if isMoved {
			moved = append(moved, store.Moved{Reader: mv.Reader, Kind: mv.Kind, Marker: to})
		}
	}
	return moved, nil
}

// moveMarker reads a marker and stores where it is after the move, unless it is another meanwhile: then again.
func (s *Store) moveMarker(ctx context.Context, mv store.Move) (to store.Marker, moved bool, err error) {
	for range maxMarkerTries {
		var d markerDocument
		err := s.markers.FindOne(ctx, bson.D{{Key: "_id", Value: markerID(mv.Reader)}}).Decode(&d)
		isNew := errors.Is(err, mongo.ErrNoDocuments)
		if err != nil && !isNew {
			return to, false, err
		}
		from := d.marker()
		to, err := mv.Apply(ctx, from, !isNew, s)
		if err != nil || to == from {
			return to, false, err
		}
		stored, err := s.storeMarker(ctx, toMarkerDocument(mv.Reader, to, d.Moves+1), isNew)
		if err != nil || stored {
			return to, stored, err
		}
	}
	return to, false, fault.New(fault.Unavailable, "the marker moves too fast; try again")
}

// storeMarker writes a marker that was made of the one before it. It reports whether that one was still there.
func (s *Store) storeMarker(ctx context.Context, d *markerDocument, isNew bool) (stored bool, err error) {
	if isNew {
		_, err := s.markers.InsertOne(ctx, d)
		if mongo.IsDuplicateKeyError(err) {
			return false, nil
		}
		return err == nil, err
	}
	res, err := s.markers.ReplaceOne(ctx, bson.D{{Key: "_id", Value: d.ID}, {Key: "moves", Value: d.Moves - 1}}, d)
	return err == nil && res.MatchedCount == 1, err
}

// At is that of store.Positions.
func (s *Store) At(ctx context.Context, r store.Reader, seq uint32) (at, ordinal uint32, err error) {
	filter, order := bson.D{{Key: "_id", Value: roomRange(r.Room, 0, int64(seq)+1)}}, "_id"
	if r.Thread != 0 {
		filter, order = bson.D{
			{Key: "roomId", Value: r.Room.String()}, {Key: "thread", Value: int64(r.Thread)}, {Key: "seq", Value: bson.D{{Key: "$lte", Value: int64(seq)}}},
		}, "seq"
	}
	var d document
	err = s.events.FindOne(ctx, filter, options.FindOne().SetSort(bson.D{{Key: order, Value: -1}}).SetProjection(bson.D{
		{Key: "seq", Value: 1}, {Key: "ordinal", Value: 1}, {Key: "threadOrdinal", Value: 1},
	})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return 0, 0, nil
	}
	if r.Thread != 0 {
		return uint32(d.Seq), uint32(d.ThreadOrdinal), err
	}
	return uint32(d.Seq), uint32(d.Ordinal), err
}

// Own is that of store.Positions. It reads the user's events of the room, by the index of nonces.
func (s *Store) Own(ctx context.Context, r store.Reader, after, upTo uint32) (uint32, error) {
	n, err := s.events.CountDocuments(ctx, bson.D{
		{Key: "roomId", Value: r.Room.String()}, {Key: "userId", Value: r.User.String()},
		{Key: "seq", Value: bson.D{{Key: "$gt", Value: int64(after)}, {Key: "$lte", Value: int64(upTo)}}},
		{Key: "kind", Value: kindNames()[store.KindMessage]}, {Key: "thread", Value: nil},
	})
	return uint32(n), err
}

var _ store.Positions = (*Store)(nil)

// follow gives the followers of a thread their markers.
func (s *Store) follow(ctx context.Context, m *store.Message, e *store.Event) error {
	thread, users := store.Followers(m, e)
	for _, user := range users {
		r := store.Reader{User: user, Room: thread.Room, Thread: thread.Seq}
		if _, err := s.markers.InsertOne(ctx, toMarkerDocument(r, store.Marker{}, 1)); err != nil && !mongo.IsDuplicateKeyError(err) {
			return err
		}
	}
	return nil
}

// maxThreadsRead is how many threads one query reads the last replies of.
const maxThreadsRead = 1000

// FollowedThreads returns up to limit threads that a user follows, further down in their list than before. It looks at all
// of them: people follow hundreds, not millions.
func (s *Store) FollowedThreads(ctx context.Context, user ids.User, before store.ThreadAt, limit int) ([]store.ThreadAt, error) {
	const op = "markers.FollowedThreads"
	cursor, err := s.markers.Find(ctx, bson.D{
		{Key: "_id", Value: bson.D{{Key: "$gt", Value: user.String() + ":"}, {Key: "$lt", Value: user.String() + ";"}}},
		{Key: "thread", Value: bson.D{{Key: "$gt", Value: 0}}},
	}, options.Find().SetProjection(bson.D{{Key: "roomId", Value: 1}, {Key: "thread", Value: 1}}))
	if err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var docs []markerDocument
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, pkgmongo.MapErr(op, err)
	}
	var list []store.ThreadAt
	for some := range slices.Chunk(docs, maxThreadsRead) {
		if list, err = s.lastReplies(ctx, list, some); err != nil {
			return nil, pkgmongo.MapErr(op, err)
		}
	}
	list = slices.DeleteFunc(list, func(at store.ThreadAt) bool { return !at.Before(before) })
	store.SortThreads(list)
	return list[:min(limit, len(list))], nil
}

// lastReplies appends the threads of these markers with their last replies.
func (s *Store) lastReplies(ctx context.Context, list []store.ThreadAt, of []markerDocument) ([]store.ThreadAt, error) {
	wanted := make(bson.A, len(of))
	for i, d := range of {
		room, err := ids.ParseRoom(d.RoomID)
		if err != nil {
			return nil, fmt.Errorf("marker %s: %w", d.ID, err)
		}
		wanted[i] = documentID(room, uint32(d.Thread))
	}
	cursor, err := s.events.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: wanted}}}}, options.Find().SetProjection(bson.D{
		{Key: "roomId", Value: 1}, {Key: "seq", Value: 1}, {Key: "fold.replies.lastAt", Value: 1},
	}))
	if err != nil {
		return nil, err
	}
	var roots []document
	if err := cursor.All(ctx, &roots); err != nil {
		return nil, err
	}
	for _, d := range roots {
		room, err := ids.ParseRoom(d.RoomID)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", d.ID, err)
		}
		at := store.ThreadAt{Ref: store.Ref{Room: room, Seq: uint32(d.Seq)}}
		if d.Fold != nil && d.Fold.Replies != nil {
			at.LastAt = d.Fold.Replies.LastAt
		}
		list = append(list, at)
	}
	return list, nil
}
