package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// FindNonces returns the events that have these nonces; keys without one are left out.
func (s *Store) FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error) {
	found := map[store.NonceKey]store.Stored{}
	args := make([]any, 0, min(len(keys), groups()[0])*keyLength)
	for rest := keys; len(rest) > 0; {
		group := 0
		for groups()[group] > len(rest) {
			group++
		}
		n := groups()[group]
		args = args[:0]
		for i := range rest[:n] {
			args = append(args, rest[i].Room[:], rest[i].User[:], rest[i].Nonce)
		}
		rest = rest[n:]
		rows, err := s.r.nonces[group].QueryContext(ctx, args...)
		if err != nil {
			return nil, sqlite.MapErr("log.FindNonces", err)
		}
		if err := each(rows, func() error {
			var key store.NonceKey
			var at store.Stored
			var room, user, hash sql.RawBytes
			if err := rows.Scan(&room, &user, &key.Nonce, &at.Seq, &at.CreatedAt, &hash); err != nil {
				return err
			}
			copy(key.Room[:], room)
			copy(key.User[:], user)
			copy(at.Hash[:], hash)
			found[key] = at
			return nil
		}); err != nil {
			return nil, sqlite.MapErr("log.FindNonces", err)
		}
	}
	return found, nil
}

// Heads returns the heads of these rooms; rooms without events are left out.
func (s *Store) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error) {
	heads := make(map[ids.Room]store.Head, len(rooms))
	for _, room := range rooms {
		h, err := head(ctx, s.r.head, room)
		if err != nil {
			return nil, err
		}
		if h.Seq > 0 {
			heads[room] = h
		}
	}
	return heads, nil
}

func head(ctx context.Context, stmt *sql.Stmt, room ids.Room) (h store.Head, err error) {
	err = stmt.QueryRowContext(ctx, room[:]).Scan(&h.Seq, &h.Ordinal, &h.Version, &h.CreatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Head{}, nil
	}
	return h, sqlite.MapErr("log.Head", err)
}

// Events returns up to limit events after a seq, in order, that together take at most maxBytes (but at least one), and
// the head they were read under.
func (s *Store) Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (log store.Log, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		if log.Head, err = head(ctx, tx.StmtContext(ctx, s.r.head), room); err != nil {
			return err
		}
		rows, err := tx.StmtContext(ctx, s.r.events).QueryContext(ctx, room[:], int64(after), limit)
		if err != nil {
			return err
		}
		return eachMessage(rows, func(m *store.Message) bool {
			m.Event.Deleted = m.DeletedSeq != 0
			maxBytes -= m.Event.Size()
			if maxBytes < 0 && len(log.Events) > 0 {
				return false
			}
			log.Events = append(log.Events, m.Event)
			return true
		})
	})
	return log, sqlite.MapErr("log.Events", err)
}

// MessagesBefore returns up to limit messages with seq < before, newest first.
func (s *Store) MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	return s.page(ctx, s.r.before, limit, room, int64(before))
}

// MessagesAfter returns the first messages with seq > after, up to limit, newest first.
func (s *Store) MessagesAfter(ctx context.Context, room ids.Room, after uint32, limit int) (store.Page, error) {
	page, err := s.page(ctx, s.r.after, limit, room, int64(after))
	slices.Reverse(page.Messages)
	return page, err
}

// page runs a query for messages of a room, with its other arguments.
func (s *Store) page(ctx context.Context, stmt *sql.Stmt, limit int, room ids.Room, args ...any) (page store.Page, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		h, err := head(ctx, tx.StmtContext(ctx, s.r.head), room)
		if err != nil {
			return err
		}
		page.AsOf = h.Seq
		rows, err := tx.StmtContext(ctx, stmt).QueryContext(ctx, slices.Concat([]any{room[:]}, args, []any{limit + 1})...)
		if err != nil {
			return err
		}
		page.Messages, err = collect(rows)
		return err
	})
	if len(page.Messages) > limit {
		page.Messages, page.More = page.Messages[:limit], true
	}
	return page, sqlite.MapErr("log.Messages", err)
}

// Targets returns these messages as they are now; what is not a message is left out.
func (s *Store) Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error) {
	found := make(map[store.Ref]*store.Message, len(refs))
	for _, ref := range refs {
		rows, err := s.r.message.QueryContext(ctx, ref.Room[:], int64(ref.Seq))
		if err != nil {
			return nil, sqlite.MapErr("log.Targets", err)
		}
		m, err := collect(rows)
		if err != nil {
			return nil, sqlite.MapErr("log.Targets", err)
		}
		if len(m) == 1 {
			found[ref] = m[0]
		}
	}
	return found, nil
}

// snapshot runs fn in a transaction in which all reads see the same moment.
func (s *Store) snapshot(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.Read().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(tx)
}

// each calls fn for every row and closes rows.
func each(rows *sql.Rows, fn func() error) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

var errStop = errors.New("stop")

// eachMessage reads rows of eventColumns and fold until fn returns false.
func eachMessage(rows *sql.Rows, fn func(*store.Message) bool) error {
	err := each(rows, func() error {
		m, err := scan(rows)
		if err == nil && !fn(m) {
			err = errStop
		}
		return err
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

func collect(rows *sql.Rows) (all []*store.Message, err error) {
	err = eachMessage(rows, func(m *store.Message) bool { all = append(all, m); return true })
	return all, err
}
