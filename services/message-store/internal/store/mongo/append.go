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

// maxInsert is how many documents one insert has. Emulations of MongoDB go on after an error of an ordered insert with
// the next hundred, which would leave a hole in a log.
const maxInsert = 100

// codeDuplicateKey is what a server says when a seq or a nonce is taken.
const codeDuplicateKey = 11000

// Append stores the next events of several rooms. The outcome of batches[i] is at i: nil, store.ErrConflict, or unknown.
//
// Inserts are ordered and the events of a room adjacent, so the first event of a room that is refused is the last that
// was tried: its log stays dense. That room is out, and the insert goes on with the next.
func (s *Store) Append(ctx context.Context, batches []store.Batch) []error {
	ctx = context.WithoutCancel(ctx) // interrupting an append would only make its outcome unknown
	outcomes := make([]error, len(batches))
	var docs []*document
	var owner []int // of docs[i]: the index of its batch
	for i, b := range batches {
		for _, e := range b.Events {
			docs, owner = append(docs, toDocument(e)), append(owner, i)
		}
	}
	for at := 0; at < len(docs); {
		if outcomes[owner[at]] != nil {
			at++ // its room is out
			continue
		}
		end := at + 1
		for end < len(docs) && end-at < maxInsert && outcomes[owner[end]] == nil {
			end++
		}
		stored, err := s.insert(ctx, docs[at:end])
		switch {
		case err == nil:
			at = end
		case errors.Is(err, store.ErrConflict):
			outcomes[owner[at+stored]] = err
			at += stored + 1
		default:
			// This insert may be stored or not, and those after it must not be tried: a room may go on in them.
			for _, i := range owner[at:] {
				if outcomes[i] == nil {
					outcomes[i] = err
				}
			}
			at = len(docs)
		}
	}
	s.folder.wake(batches)
	return outcomes
}

// insert inserts docs in order. On ErrConflict the first `stored` of them are stored, and no other.
func (s *Store) insert(ctx context.Context, docs []*document) (stored int, err error) {
	_, err = s.events.InsertMany(ctx, docs, options.InsertMany().SetOrdered(true))
	if err == nil {
		return len(docs), nil
	}
	if e, ok := errors.AsType[mongo.BulkWriteException](err); ok && e.WriteConcernError == nil && len(e.WriteErrors) == 1 &&
		e.WriteErrors[0].Code == codeDuplicateKey {
		return e.WriteErrors[0].Index, store.ErrConflict
	}
	// Also a duplicate key beside a failed write concern: the events before it may be rolled back yet.
	return 0, fault.E(fault.Unavailable, "events.Insert", err)
}

// MoveMarkers moves markers forward and returns those that moved.
func (s *Store) MoveMarkers(ctx context.Context, moves []store.Move) (moved []store.Moved, err error) {
	const op = "markers.Move"
	for _, m := range moves {
		at, err := s.markerAt(ctx, m.Room, m.Seq)
		if err != nil {
			return moved, pkgmongo.MapErr(op, err)
		}
		if at.Seq == 0 {
			continue
		}
		// $max never moves back, whoever comes last; seq and ordinal grow together.
		var before markerDocument
		err = s.markers.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: markerID(m.User, m.Room)}},
			bson.D{{Key: "$max", Value: bson.D{{Key: "seq", Value: int64(at.Seq)}, {Key: "ordinal", Value: int64(at.Ordinal)}}}},
			options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.Before)).Decode(&before)
		if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
			return moved, pkgmongo.MapErr(op, err)
		}
		if before.Seq < int64(at.Seq) {
			moved = append(moved, store.Moved{User: m.User, Room: m.Room, Marker: at})
		}
	}
	return moved, nil
}

// markerAt is the marker at a seq, or at the head if that is less; zero when there is nothing to mark.
func (s *Store) markerAt(ctx context.Context, room ids.Room, seq uint32) (store.Marker, error) {
	var d document
	err := s.events.FindOne(ctx, bson.D{{Key: "_id", Value: roomRange(room, 0, int64(seq)+1)}},
		options.FindOne().SetSort(bson.D{{Key: "_id", Value: -1}}).SetProjection(bson.D{{Key: "seq", Value: 1}, {Key: "ordinal", Value: 1}})).Decode(&d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = nil
	}
	return store.Marker{Seq: uint32(d.Seq), Ordinal: uint32(d.Ordinal)}, err
}

type markerDocument struct {
	ID      string `bson:"_id"`
	Seq     int64  `bson:"seq"`
	Ordinal int64  `bson:"ordinal"`
}

func markerID(user ids.User, room ids.Room) string { return user.String() + ":" + room.String() }
