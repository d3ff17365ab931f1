package sqlite

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	sqlCall   = "INSERT INTO mentions (room, seq, user_id, author, created_at) VALUES (?, ?, ?, ?, ?)"
	sqlUncall = "DELETE FROM mentions WHERE room = ? AND seq = ?"

	sqlUnreadOf = "SELECT seq FROM mentions WHERE user_id = ? AND room = ? AND seq > ? AND author <> ?"
	sqlUnread   = sqlUnreadOf + " UNION ALL " + sqlUnreadOf + " ORDER BY seq DESC LIMIT ?"
	sqlLastCall = "SELECT coalesce(max(seq), 0) FROM mentions WHERE room = ?"
	// Of one user, in all rooms; and in one room. In a room the order of seqs is that of time; + keeps the index by time out.
	sqlCalls     = "SELECT created_at, room, seq FROM mentions WHERE user_id = ? AND (created_at, room, seq) < (?, ?, ?) ORDER BY created_at DESC, room DESC, seq DESC LIMIT ?"
	sqlRoomCalls = "SELECT created_at, room, seq FROM mentions WHERE user_id = ? AND room = ? AND (+created_at, room, seq) < (?, ?, ?) AND author <> ? ORDER BY seq DESC LIMIT ?"
)

// call adds the records of new messages.
func (s *Store) call(ctx context.Context, tx *sql.Tx, events []*store.Event) error {
	for _, e := range events {
		if e.Kind == store.KindMessage && len(e.Mentions) > 0 {
			if err := s.addCalls(ctx, tx, e, store.Called(e.Actor.User, e.Mentions)); err != nil {
				return err
			}
		}
	}
	return nil
}

// recall replaces the records of a message that called others before.
func (s *Store) recall(ctx context.Context, tx *sql.Tx, m *store.Message, before []ids.User) error {
	now := m.Called()
	if slices.Equal(now, before) {
		return nil
	}
	if _, err := tx.StmtContext(ctx, s.w.uncall).ExecContext(ctx, m.Event.Room[:], int64(m.Event.Seq)); err != nil {
		return err
	}
	return s.addCalls(ctx, tx, m.Event, now)
}

func (s *Store) addCalls(ctx context.Context, tx *sql.Tx, e *store.Event, users []ids.User) error {
	for _, user := range users {
		if _, err := tx.StmtContext(ctx, s.w.call).ExecContext(ctx, e.Room[:], int64(e.Seq), user[:], e.Actor.User[:], e.CreatedAt); err != nil {
			return err
		}
	}
	return nil
}

// LastCalls returns the newest message of each of these rooms that calls anybody. Rooms without any are left out.
func (s *Store) LastCalls(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	last := make(map[ids.Room]uint32, len(rooms))
	for _, room := range rooms {
		var seq uint32
		if err := s.r.lastCall.QueryRowContext(ctx, room[:]).Scan(&seq); err != nil {
			return nil, sqlite.MapErr("mentions.Last", err)
		}
		if seq > 0 {
			last[room] = seq
		}
	}
	return last, nil
}

// UnreadMentions returns the seqs of the messages that call these readers after a seq, not their own; at most
// MaxUnreadMentions of each, the newest, in no order. Readers without any are left out.
func (s *Store) UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error) {
	found := map[store.Reader][]uint32{}
	all := store.Everybody()
	for _, r := range readers {
		me, room, after := r.User[:], r.Room[:], int64(r.After)
		rows, err := s.r.unread.QueryContext(ctx, me, room, after, me, all[:], room, after, me, store.MaxUnreadMentions)
		if err != nil {
			return nil, sqlite.MapErr("mentions.Unread", err)
		}
		if err := each(rows, func() error {
			var seq uint32
			err := rows.Scan(&seq)
			found[r.Reader] = append(found[r.Reader], seq)
			return err
		}); err != nil {
			return nil, sqlite.MapErr("mentions.Unread", err)
		}
	}
	return found, nil
}

// Mentions returns up to limit of the messages that call a user in these rooms, not their own, newest first, from before
// on.
func (s *Store) Mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]store.MentionAt, error) {
	const op = "mentions.List"
	if before == (store.MentionAt{}) {
		before.CreatedAt = math.MaxInt64
	}
	in := make(map[ids.Room]bool, len(rooms))
	var found []store.MentionAt
	all := store.Everybody()
	for _, room := range rooms {
		in[room] = true
		more, err := mentionsAt(s.r.roomCalls.QueryContext(ctx, all[:], room[:], before.CreatedAt, before.Room[:], int64(before.Seq), user[:], limit))
		if err != nil {
			return nil, sqlite.MapErr(op, err)
		}
		found = append(found, more...)
	}
	const least = 100 // at once: there may be many in rooms that the user has left
	for next, own, most := before, 0, max(limit, least); own < limit; {
		page, err := mentionsAt(s.r.calls.QueryContext(ctx, user[:], next.CreatedAt, next.Room[:], int64(next.Seq), most))
		if err != nil {
			return nil, sqlite.MapErr(op, err)
		}
		for _, at := range page {
			if in[at.Room] { // else they left it
				found = append(found, at)
				own++
			}
		}
		if len(page) < most {
			break
		}
		next = page[len(page)-1]
	}
	slices.SortFunc(found, store.CompareMentions)
	return found[:min(len(found), limit)], nil
}

func mentionsAt(rows *sql.Rows, err error) (found []store.MentionAt, _ error) {
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		var at store.MentionAt
		var room sql.RawBytes
		err := rows.Scan(&at.CreatedAt, &room, &at.Seq)
		copy(at.Room[:], room)
		found = append(found, at)
		return err
	})
	return found, err
}
