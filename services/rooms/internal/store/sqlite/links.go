package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// linkColumns are what linkFields reads, of a table l.
const linkColumns = `l.id, l.room_id, l.created_by, l.created_at, l.expires_at, l.max_uses, l.uses`

func linkFields(l *room.Link) []any {
	return []any{&l.ID, &l.Room, &l.By, (*millis)(&l.CreatedAt), (*millis)(&l.ExpiresAt), &l.MaxUses, &l.Uses}
}

func scanLink(row scanner) (l room.Link, err error) {
	err = row.Scan(linkFields(&l)...)
	return l, err
}

const useLink = `UPDATE room_links SET uses = uses + 1 WHERE id = ?`

// linkOf is the link that a change names; nil: it is gone.
func linkOf(ctx context.Context, tx *sql.Tx, by store.By) (*room.Link, error) {
	const query = `SELECT ` + linkColumns + ` FROM room_links l WHERE l.id = ? AND l.room_id = ?`
	l, err := scanLink(tx.QueryRowContext(ctx, query, by.Link, by.Room))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, sqlite.MapErr("rooms.linkOf", err)
	}
	return &l, nil
}

// MakeLink implements store.Access.
func (s *Store) MakeLink(ctx context.Context, link room.Link, hash []byte, permit room.Permit) error {
	const count = `SELECT count(*) FROM room_links WHERE room_id = ? AND expires_at > ?`
	const insert = `INSERT INTO room_links (id, room_id, hash, created_by, created_at, expires_at, max_uses) VALUES (?, ?, ?, ?, ?, ?, ?)`
	by := store.By{Room: link.Room, Actor: link.By, Target: link.By, At: link.CreatedAt}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		v, err := read(ctx, tx, by)
		if err != nil {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, count, link.Room, link.CreatedAt.UnixMilli()).Scan(&there); err != nil {
			return err
		}
		if err := permit(v, there); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, insert, link.ID, link.Room, hash, link.By, link.CreatedAt.UnixMilli(), link.ExpiresAt.UnixMilli(), link.MaxUses)
		return err
	})
}

// Link implements store.Access.
func (s *Store) Link(ctx context.Context, hash []byte, viewer ids.User, at time.Time) (v store.LinkView, err error) {
	const query = `SELECT ` + linkColumns + `, ` + roomColumns + `, ` + memberColumns + `,
			EXISTS (SELECT 1 FROM room_bans WHERE room_id = r.id AND user_id = ?2 AND coalesce(expires_at > ?3, true))
		FROM room_links l JOIN rooms r ON r.id = l.room_id LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = ?2
		WHERE l.hash = ?1 AND r.deleted_at IS NULL`
	fields := append(append(linkFields(&v.Link), membershipFields(&v.Membership)...), &v.IsBanned)
	err = s.db.Read().QueryRowContext(ctx, query, hash, viewer, at.UnixMilli()).Scan(fields...)
	if errors.Is(err, sql.ErrNoRows) {
		return v, room.ErrNoLink
	}
	return v, sqlite.MapErr("rooms.Link", err)
}

// Links implements store.Access.
func (s *Store) Links(ctx context.Context, id ids.Room, at time.Time, after ids.RoomLink, limit int) ([]room.Link, error) {
	const query = `SELECT ` + linkColumns + ` FROM room_links l WHERE l.room_id = ? AND l.id < ? AND l.expires_at > ? ORDER BY l.id DESC LIMIT ?`
	return list(ctx, s.db.Read(), scanLink, "rooms.Links", query, id, below(after), at.UnixMilli(), limit)
}

// DeleteLink implements store.Access.
func (s *Store) DeleteLink(ctx context.Context, id ids.Room, link ids.RoomLink) error {
	const query = `DELETE FROM room_links WHERE id = ? AND room_id = ?`
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		return changedOne(room.ErrNoLink)(tx.ExecContext(ctx, query, link, id))
	})
}

// changedOne takes the result of a statement; none when it changed nothing.
func changedOne(none error) func(sql.Result, error) error {
	return func(res sql.Result, err error) error {
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return none
	}
}
