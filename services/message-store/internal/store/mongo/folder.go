package mongo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// sweepEvery is how often rooms are looked for whose appender ended before it had folded. Readers do not wait for it.
	sweepEvery = time.Minute
	// sweepRooms bounds one such look.
	sweepRooms = 1000
	// foldRetry is the pause after a failure.
	foldRetry = time.Second
)

// folder writes mutations, and replies in threads, into their messages, behind the commit. It repeats itself safely: a fold knows its last
// mutation, and two folders of one message can only make it newer.
type folder struct {
	store  *Store
	log    *slog.Logger
	notify chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup

	folding sync.Mutex // held while a room is folded

	mu    sync.Mutex
	dirty map[ids.Room]struct{}
}

func startFolder(s *Store, log *slog.Logger) *folder {
	ctx, cancel := context.WithCancel(context.Background())
	f := &folder{store: s, log: log, notify: make(chan struct{}, 1), cancel: cancel, dirty: map[ids.Room]struct{}{}}
	f.done.Go(func() { f.run(ctx) })
	return f
}

func (f *folder) close() {
	f.cancel()
	f.done.Wait()
}

// wake tells the folder which rooms were appended to.
func (f *folder) wake(batches []store.Batch) {
	woken := false
	f.mu.Lock()
	for _, b := range batches {
		for _, e := range b.Events {
			if e.FoldsInto() != 0 {
				f.dirty[b.Room] = struct{}{}
				woken = true
				break
			}
		}
	}
	f.mu.Unlock()
	if woken {
		select {
		case f.notify <- struct{}{}:
		default: // it was told already
		}
	}
}

func (f *folder) run(ctx context.Context) {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	f.retry(ctx, f.sweep)
	for {
		f.retry(ctx, f.foldDirty)
		select {
		case <-ctx.Done():
			return
		case <-f.notify:
		case <-sweep.C:
			f.retry(ctx, f.sweep)
		}
	}
}

// retry runs step until it succeeds or ctx ends.
func (f *folder) retry(ctx context.Context, step func(context.Context) error) {
	for ctx.Err() == nil {
		err := step(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		f.log.Warn("folding failed; trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(foldRetry):
		}
	}
}

// sweep finds rooms with unfolded events.
func (f *folder) sweep(ctx context.Context) error {
	found, err := f.store.find(ctx, bson.D{{Key: "unfolded", Value: true}}, options.Find().SetLimit(sweepRooms))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range found {
		f.dirty[m.Event.Room] = struct{}{}
	}
	return nil
}

// foldDirty folds the rooms it was told of; those it could not fold stay.
func (f *folder) foldDirty(ctx context.Context) error {
	f.mu.Lock()
	rooms := f.dirty
	f.dirty = map[ids.Room]struct{}{}
	f.mu.Unlock()
	for room := range rooms {
		if err := f.foldRoom(ctx, room); err != nil {
			f.mu.Lock()
			for room := range rooms {
				f.dirty[room] = struct{}{}
			}
			f.mu.Unlock()
			return err
		}
		delete(rooms, room)
	}
	return nil
}

// foldRoom folds what is unfolded in a room. The order makes a crash harmless: the content and the file of a deleted message are
// gone first, then its document says so, then those who follow its thread have their markers, and only then are its mutations
// marked as folded.
func (f *folder) foldRoom(ctx context.Context, room ids.Room) error {
	f.folding.Lock()
	defer f.folding.Unlock()
	s := f.store
	head, err := s.head(ctx, room)
	if err != nil {
		return err
	}
	pending, err := s.unfolded(ctx, room, head.Seq)
	if err != nil || len(pending) == 0 {
		return err
	}
	var folded bson.A
	var refs []store.Ref
	for _, p := range pending {
		folded = append(folded, documentID(room, p.Event.Seq))
		refs = append(refs, store.Ref{Room: room, Seq: p.Event.FoldsInto()})
	}
	// The reader's own view is what is written down.
	messages, err := s.Targets(ctx, refs)
	if err != nil {
		return err
	}
	if err := s.discardDeleted(ctx, messages); err != nil {
		return err
	}
	for _, m := range messages {
		if m.DeletedSeq != 0 && len(m.Edits) > 0 {
			var edits bson.A
			for _, seq := range m.Edits {
				edits = append(edits, documentID(room, seq))
			}
			if _, err := s.events.UpdateMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: edits}}}},
				bson.D{{Key: "$unset", Value: bson.D{{Key: "content", Value: ""}, {Key: "mentions", Value: ""}}}}); err != nil {
				return err
			}
		}
		if _, err := s.events.UpdateOne(ctx, guarded(m), foldUpdate(m)); err != nil {
			return err
		}
	}
	for _, p := range pending {
		if m := messages[store.Ref{Room: room, Seq: p.Event.FoldsInto()}]; m != nil {
			if err := s.follow(ctx, m, p.Event); err != nil {
				return err
			}
		}
	}
	_, err = s.events.UpdateMany(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: folded}}}},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "unfolded", Value: ""}}}})
	return err
}

// guarded matches the document of a message unless it is folded as far as m: another folder may have been faster.
func guarded(m *store.Message) bson.D {
	return bson.D{
		{Key: "_id", Value: documentID(m.Event.Room, m.Event.Seq)}, {Key: "fold.asOf", Value: bson.D{{Key: "$lt", Value: int64(m.AsOf)}}},
	}
}
