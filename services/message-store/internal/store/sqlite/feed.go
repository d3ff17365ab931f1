package sqlite

import (
	"context"
	"database/sql"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Each step of the recursion finds the next room in the primary key, over all events of the one before.
const sqlRooms = "WITH RECURSIVE rooms (room) AS (SELECT min(room) FROM events WHERE room > ?1" +
	" UNION ALL SELECT (SELECT min(room) FROM events WHERE room > rooms.room) FROM rooms WHERE rooms.room IS NOT NULL LIMIT ?2)" +
	" SELECT room FROM rooms WHERE room IS NOT NULL"

// Rooms returns up to limit rooms with events, in the order of their ids, after one.
func (s *Store) Rooms(ctx context.Context, after ids.Room, limit int) (rooms []ids.Room, err error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlRooms, after[:], limit)
	if err != nil {
		return nil, sqlite.MapErr("log.Rooms", err)
	}
	err = each(rows, func() error {
		var room sql.RawBytes
		err := rows.Scan(&room)
		var id ids.Room
		copy(id[:], room)
		rooms = append(rooms, id)
		return err
	})
	return rooms, sqlite.MapErr("log.Rooms", err)
}

// Feed returns what up to limit events after a seq are about; the messages among them take at most maxBytes, but it is at
// least one event.
func (s *Store) Feed(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (f store.Feed, err error) {
	err = s.snapshot(ctx, func(tx *sql.Tx) error {
		if f.Head, err = head(ctx, tx.StmtContext(ctx, s.r.head), room); err != nil {
			return err
		}
		rows, err := tx.StmtContext(ctx, s.r.events).QueryContext(ctx, room[:], int64(after), limit)
		if err != nil {
			return err
		}
		var changed []uint32
		if err := eachMessage(rows, func(m *store.Message) bool {
			if maxBytes -= m.Event.Size(); maxBytes < 0 && f.To > 0 {
				return false
			}
			changed = append(changed, f.Add(m))
			return true
		}); err != nil {
			return err
		}
		for _, ref := range f.Missing(room, changed) {
			rows, err := tx.StmtContext(ctx, s.r.message).QueryContext(ctx, room[:], int64(ref.Seq))
			if err != nil {
				return err
			}
			found, err := collect(rows)
			if err != nil {
				return err
			}
			f.Messages = append(f.Messages, found...)
		}
		return nil
	})
	return f, sqlite.MapErr("log.Feed", err)
}
