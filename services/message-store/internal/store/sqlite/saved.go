package sqlite

import (
	"context"
	"database/sql"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	sqlSave       = "INSERT INTO saved (user_id, room, seq, id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
	sqlSavedCount = "SELECT count(*) FROM saved WHERE user_id = ?"
	sqlUnsave     = "DELETE FROM saved WHERE user_id = ? AND room = ? AND seq = ?"
	sqlUnsaveRoom = "DELETE FROM saved WHERE user_id = ? AND room = ?"
	sqlSaved      = "SELECT room, seq, id FROM saved WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?"
)

// Save saves a message for a user and reports whether it was not saved before. ErrFull: they have saved so many already.
func (s *Store) Save(ctx context.Context, m store.Saved, most int) (isNew bool, err error) {
	full := false
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		added, err := affected(tx.ExecContext(ctx, sqlSave, m.User[:], m.Room[:], int64(m.Seq), m.ID[:]))
		if err != nil || added == 0 {
			return err
		}
		isNew = true
		var n int
		if err := tx.QueryRowContext(ctx, sqlSavedCount, m.User[:]).Scan(&n); err != nil {
			return err
		}
		if full = n > most; full {
			return store.ErrFull // nothing of this stays
		}
		return nil
	})
	if full {
		return false, store.ErrFull
	}
	return isNew, sqlite.MapErr("saved.Save", err)
}

// Unsave takes that back, and reports whether the message was saved.
func (s *Store) Unsave(ctx context.Context, user ids.User, m store.Ref) (was bool, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, sqlUnsave, user[:], m.Room[:], int64(m.Seq)))
		was = n > 0
		return err
	})
	return was, sqlite.MapErr("saved.Unsave", err)
}

// UnsaveRoom forgets what a user saved in a room.
func (s *Store) UnsaveRoom(ctx context.Context, user ids.User, room ids.Room) error {
	return sqlite.MapErr("saved.UnsaveRoom", s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, sqlUnsaveRoom, user[:], room[:])
		return err
	}))
}

// Saved returns up to limit messages that a user saved before an id, newest first.
func (s *Store) Saved(ctx context.Context, user ids.User, before ids.Saved, limit int) (all []store.Saved, err error) {
	rows, err := s.db.Read().QueryContext(ctx, sqlSaved, user[:], before[:], limit)
	if err != nil {
		return nil, sqlite.MapErr("saved.List", err)
	}
	err = each(rows, func() error {
		m := store.Saved{User: user}
		var room, id sql.RawBytes
		err := rows.Scan(&room, &m.Seq, &id)
		copy(m.Room[:], room)
		copy(m.ID[:], id)
		all = append(all, m)
		return err
	})
	return all, sqlite.MapErr("saved.List", err)
}

// affected is how many rows a statement changed.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
