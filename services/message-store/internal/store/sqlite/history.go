package sqlite

import (
	"context"
	"database/sql"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	sqlEventAt = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND seq = ?"
	sqlPins    = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND pinned_seq > 0 AND pinned_seq < ? ORDER BY pinned_seq DESC LIMIT ?"
	// From store.KindMemberJoined on.
	sqlChanges = "SELECT " + eventColumns + ", fold FROM events INDEXED BY events_change " +
		"WHERE room = ? AND seq > ? AND seq < ? AND kind >= 6 ORDER BY seq DESC LIMIT ?"
)

// EventsAt returns the events of a room that have these seqs, in order; the seqs must be in order, too.
func (s *Store) EventsAt(ctx context.Context, room ids.Room, seqs []uint32) (events []*store.Event, err error) {
	for _, seq := range seqs {
		rows, err := s.r.eventAt.QueryContext(ctx, room[:], int64(seq))
		if err != nil {
			return nil, sqlite.MapErr("log.EventsAt", err)
		}
		if err := eachMessage(rows, func(m *store.Message) bool {
			m.Event.Deleted = m.DeletedSeq != 0
			events = append(events, m.Event)
			return true
		}); err != nil {
			return nil, sqlite.MapErr("log.EventsAt", err)
		}
	}
	return events, nil
}

// Pins returns up to limit pinned messages of a room that were pinned by an event with seq < before, what was pinned last
// first.
func (s *Store) Pins(ctx context.Context, room ids.Room, before uint32, limit int) (page store.Page, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		h, err := head(ctx, tx.StmtContext(ctx, s.r.head), room)
		if err != nil {
			return err
		}
		page.AsOf = h.Seq
		rows, err := tx.QueryContext(ctx, sqlPins, room[:], int64(before), limit+1)
		if err != nil {
			return err
		}
		page.Messages, err = collect(rows)
		return err
	})
	if len(page.Messages) > limit {
		page.Messages, page.More = page.Messages[:limit], true
	}
	return page, sqlite.MapErr("log.Pins", err)
}

// Changes returns the events of a room with after < seq < before that changed it or its members, in order: the newest
// ones, up to limit.
func (s *Store) Changes(ctx context.Context, room ids.Room, after, before uint32, limit int) (events []*store.Event, err error) {
	rows, err := s.r.changes.QueryContext(ctx, room[:], int64(after), int64(before), limit)
	if err != nil {
		return nil, sqlite.MapErr("log.Changes", err)
	}
	err = eachMessage(rows, func(m *store.Message) bool {
		events = append(events, m.Event)
		return true
	})
	slices.Reverse(events)
	return events, sqlite.MapErr("log.Changes", err)
}
