package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	sqlMarker     = "SELECT seq, ordinal, rev, held, seen, delivered FROM markers WHERE user_id = ? AND room = ? AND thread = ?"
	sqlMark       = "INSERT OR REPLACE INTO markers (user_id, room, thread, seq, ordinal, rev, held, seen, delivered) VALUES (?,?,?,?,?,?,?,?,?)"
	sqlAt         = "SELECT seq, ordinal FROM events WHERE room = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
	sqlAtInThread = "SELECT seq, detail ->> 'threadOrdinal' FROM events WHERE room = ? AND kind = 1 AND target = ? AND target > 0 AND seq <= ? " +
		"ORDER BY seq DESC LIMIT 1"
	sqlFollow = "INSERT INTO markers (user_id, room, thread, seq, ordinal, rev, held, seen, delivered) VALUES (?,?,?,0,0,0,0,0,0) ON CONFLICT DO NOTHING"
	// Sorted by what other tables say, so all threads of the user are looked at: people follow hundreds, not millions.
	sqlFollowed = "SELECT last_at, room, thread FROM (" +
		"SELECT coalesce(events.fold ->> '$.replies.lastAt', 0) AS last_at, markers.room, markers.thread " +
		"FROM markers JOIN events ON events.room = markers.room AND events.seq = markers.thread WHERE markers.user_id = ? AND markers.thread > 0" +
		") WHERE (last_at, room, thread) < (?, ?, ?) ORDER BY last_at DESC, room DESC, thread DESC LIMIT ?"
	// By the user's messages in the room, not by all messages in the range: people mark unread what they see, but nothing
	// keeps them from going back to the first message of a large room.
	sqlOwn = "SELECT count(*) FROM events INDEXED BY events_nonce WHERE room = ? AND user_id = ? AND kind = 1 AND target = 0 AND seq > ? AND seq <= ?"
)

// Markers returns the markers of these readers; those that are not stored are left out.
func (s *Store) Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	found := make(map[store.Reader]store.Marker, len(readers))
	for _, r := range readers {
		m, known, err := marker(ctx, s.r.marker, r)
		if err != nil {
			return nil, sqlite.MapErr("markers.Get", err)
		}
		if known {
			found[r] = m
		}
	}
	return found, nil
}

func marker(ctx context.Context, stmt *sql.Stmt, r store.Reader) (m store.Marker, known bool, err error) {
	err = stmt.QueryRowContext(ctx, r.User[:], r.Room[:], int64(r.Thread)).Scan(&m.Seq, &m.Ordinal, &m.Rev, &m.Held, &m.Seen, &m.Delivered)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Marker{}, false, nil
	}
	return m, err == nil, err
}

// MoveMarkers moves markers in this order, and returns those that moved.
func (s *Store) MoveMarkers(ctx context.Context, moves []store.Move) (moved []store.Moved, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		read, write, log := tx.StmtContext(ctx, s.w.marker), tx.StmtContext(ctx, s.w.mark), positions{tx, &s.w}
		for _, mv := range moves {
			from, known, err := marker(ctx, read, mv.Reader)
			if err != nil {
				return err
			}
			to, err := mv.Apply(ctx, from, known, log)
			if err != nil {
				return err
			}
			if to == from {
				continue
			}
			if _, err := write.ExecContext(ctx, mv.User[:], mv.Room[:], int64(mv.Thread), int64(to.Seq), int64(to.Ordinal), int64(to.Rev),
				int64(to.Held), int64(to.Seen), int64(to.Delivered)); err != nil {
				return err
			}
			moved = append(moved, store.Moved{Reader: mv.Reader, Kind: mv.Kind, Marker: to})
		}
		return nil
	})
	if err != nil {
		return nil, sqlite.MapErr("markers.Move", err)
	}
	return moved, nil
}

// positions is the log within a transaction.
type positions struct {
	tx *sql.Tx
	w  *writeStatements
}

// At is that of store.Positions.
func (p positions) At(ctx context.Context, r store.Reader, seq uint32) (at, ordinal uint32, err error) {
	var row *sql.Row
	if r.Thread == 0 {
		row = p.tx.StmtContext(ctx, p.w.at).QueryRowContext(ctx, r.Room[:], int64(seq))
	} else {
		row = p.tx.StmtContext(ctx, p.w.atInThread).QueryRowContext(ctx, r.Room[:], int64(r.Thread), int64(seq))
	}
	err = row.Scan(&at, &ordinal)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return at, ordinal, err
}

// Own is that of store.Positions.
func (p positions) Own(ctx context.Context, r store.Reader, after, upTo uint32) (n uint32, err error) {
	err = p.tx.StmtContext(ctx, p.w.own).QueryRowContext(ctx, r.Room[:], r.User[:], int64(after), int64(upTo)).Scan(&n)
	return n, err
}

// follow gives the followers of a thread their markers.
func (s *Store) follow(ctx context.Context, tx *sql.Tx, m *store.Message, e *store.Event) error {
	thread, users := store.Followers(m, e)
	for _, user := range users {
		if _, err := tx.StmtContext(ctx, s.w.follow).ExecContext(ctx, user[:], thread.Room[:], int64(thread.Seq)); err != nil {
			return err
		}
	}
	return nil
}

// FollowedThreads returns up to limit threads that a user follows, further down in their list than before.
func (s *Store) FollowedThreads(ctx context.Context, user ids.User, before store.ThreadAt, limit int) (list []store.ThreadAt, err error) {
	if before.IsZero() {
		before.LastAt = math.MaxInt64
	}
	rows, err := s.r.followed.QueryContext(ctx, user[:], before.LastAt, before.Room[:], int64(before.Seq), limit)
	if err != nil {
		return nil, sqlite.MapErr("markers.FollowedThreads", err)
	}
	err = each(rows, func() error {
		var at store.ThreadAt
		var room sql.RawBytes
		err := rows.Scan(&at.LastAt, &room, &at.Seq)
		copy(at.Room[:], room)
		list = append(list, at)
		return err
	})
	return list, sqlite.MapErr("markers.FollowedThreads", err)
}
