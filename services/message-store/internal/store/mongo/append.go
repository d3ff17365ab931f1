package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/fault"
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
