package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Append stores the next events of several rooms in one transaction and folds them. The outcome of
// batches[i] is at i: nil, store.ErrConflict, or unknown. A conflict in one room does not hold up the others.
func (s *Store) Append(ctx context.Context, batches []store.Batch) []error {
	// An append runs to its end: interrupting one would only make its outcome unknown.
	ctx = context.WithoutCancel(ctx)
	outcomes := make([]error, len(batches))
	err := s.appendAll(ctx, batches)
	if errors.Is(err, store.ErrConflict) {
		// Rare, so it may be slow: again, each room under a savepoint.
		err = s.appendEach(ctx, batches, outcomes)
	}
	if err != nil {
		for i := range outcomes {
			outcomes[i] = err
		}
	}
	return outcomes
}

// appendAll stores every batch or, at the first conflict, none.
func (s *Store) appendAll(ctx context.Context, batches []store.Batch) error {
	return s.write(ctx, func(tx *sql.Tx) error { return s.insert(ctx, tx, batches) })
}

// appendEach stores what it can, and fills in the outcomes of the rooms that conflict.
func (s *Store) appendEach(ctx context.Context, batches []store.Batch, outcomes []error) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		for i := range batches {
			if _, err := tx.ExecContext(ctx, "SAVEPOINT room"); err != nil {
				return err
			}
			outcomes[i] = s.insert(ctx, tx, batches[i:i+1])
			if outcomes[i] != nil {
				if !errors.Is(outcomes[i], store.ErrConflict) {
					return outcomes[i]
				}
				if _, err := tx.ExecContext(ctx, "ROLLBACK TO room"); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, "RELEASE room"); err != nil {
				return err
			}
		}
		return nil
	})
}

// write is a transaction that lets ErrConflict through as it is.
func (s *Store) write(ctx context.Context, fn func(*sql.Tx) error) error {
	var own error
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		own = fn(tx)
		return own
	})
	if errors.Is(own, store.ErrConflict) {
		return store.ErrConflict
	}
	return err
}

// insert stores the events of batches and folds them; it stops with ErrConflict when one was not stored.
func (s *Store) insert(ctx context.Context, tx *sql.Tx, batches []store.Batch) error {
	var events []*store.Event
	for _, b := range batches {
		events = append(events, b.Events...)
	}
	args := make([]any, 0, min(len(events), groups()[0])*columns)
	for rest := events; len(rest) > 0; {
		group := 0
		for groups()[group] > len(rest) {
			group++
		}
		n := groups()[group]
		args = args[:0]
		for _, e := range rest[:n] {
			args = appendArgs(args, e)
		}
		result, err := tx.StmtContext(ctx, s.w.insert[group]).ExecContext(ctx, args...)
		if err != nil {
			return err
		}
		if stored, err := result.RowsAffected(); err != nil || stored < int64(n) {
			return errors.Join(err, store.ErrConflict)
		}
		rest = rest[n:]
	}
	if err := s.call(ctx, tx, events); err != nil {
		return err
	}
	return s.fold(ctx, tx, events)
}

// fold applies events to the messages that they fold into.
func (s *Store) fold(ctx context.Context, tx *sql.Tx, events []*store.Event) error {
	var targets map[store.Ref]*store.Message
	var called map[store.Ref][]ids.User // before these events
	for _, e := range events {
		into := e.FoldsInto()
		if into == 0 {
			continue
		}
		ref := store.Ref{Room: e.Room, Seq: into} // below the exit: it escapes
		m, ok := targets[ref]
		if !ok {
			rows, err := tx.StmtContext(ctx, s.w.message).QueryContext(ctx, ref.Room[:], int64(ref.Seq))
			if err != nil {
				return err
			}
			found, err := collect(rows)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				continue // about nothing: it stays in the log and changes no message
			}
			m = found[0]
			if targets == nil {
				targets, called = map[store.Ref]*store.Message{}, map[store.Ref][]ids.User{}
			}
			targets[ref], called[ref] = m, m.Called()
		}
		m.Apply(e)
		if err := s.follow(ctx, tx, m, e); err != nil {
			return err
		}
	}
	for ref, m := range targets {
		text, err := json.Marshal(m.Fold)
		if err != nil {
			return err
		}
		pinned := int64(0)
		if m.Pinned {
			pinned = int64(m.PinnedSeq)
		}
		if _, err := tx.StmtContext(ctx, s.w.fold).ExecContext(ctx, string(text), pinned, ref.Room[:], int64(ref.Seq)); err != nil {
			return err
		}
		if err := s.recall(ctx, tx, m, called[ref]); err != nil {
			return err
		}
		if m.DeletedSeq == 0 {
			continue
		}
		if f := m.Event.File; f != nil {
			if err := discardFile(ctx, tx, f.ID, m.UpdatedAt); err != nil {
				return err
			}
		}
		for _, seq := range append([]uint32{ref.Seq}, m.Edits...) {
			if _, err := tx.StmtContext(ctx, s.w.blank).ExecContext(ctx, ref.Room[:], int64(seq)); err != nil {
				return err
			}
		}
	}
	return nil
}
