package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// linkColumns are what linkFields reads, of a table l.
const linkColumns = `l.id, l.room_id, l.created_by, l.created_at, l.expires_at, l.max_uses, l.uses`

func linkFields(l *room.Link) []any {
	return []any{&l.ID, &l.Room, &l.By, (*instant)(&l.CreatedAt), (*instant)(&l.ExpiresAt), &l.MaxUses, &l.Uses}
}

func scanLink(row pgx.CollectableRow) (l room.Link, err error) {
	err = row.Scan(linkFields(&l)...)
	return l, err
}

// useLink counts a use. Exactly, because whoever joins the room holds the lock on it.
const useLink = `UPDATE room_links SET uses = uses + 1 WHERE id = $1`

// linkOf is the link that a change names, read under the lock on its room; nil: it is gone.
func linkOf(ctx context.Context, tx pgx.Tx, by store.By) (*room.Link, error) {
	const sql = `SELECT ` + linkColumns + ` FROM room_links l WHERE l.id = $1 AND l.room_id = $2`
	l, err := one(ctx, tx, scanLink, "rooms.linkOf", sql, by.Link, by.Room)
	switch {
	case errors.Is(err, fault.New(fault.NotFound, "")):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &l, nil
}

// MakeLink implements store.Access.
func (s *Store) MakeLink(ctx context.Context, link room.Link, hash []byte, permit room.Permit) error {
	const op = "rooms.MakeLink"
	const count = `SELECT count(*) FROM room_links WHERE room_id = $1 AND expires_at > $2`
	const insert = `INSERT INTO room_links (id, room_id, hash, created_by, created_at, expires_at, max_uses) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	by := store.By{Room: link.Room, Actor: link.By, Target: link.By, At: link.CreatedAt}
	return postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		v, err := lock(ctx, tx, by)
		if err != nil {
			return err
		}
		there, err := one(ctx, tx, pgx.RowTo[int], op, count, link.Room, link.CreatedAt)
		if err != nil {
			return err
		}
		if err := permit(v, there); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, insert, link.ID, link.Room, hash, link.By, link.CreatedAt, link.ExpiresAt, link.MaxUses)
		return postgres.MapErr(op, err)
	})
}

// Link implements store.Access.
func (s *Store) Link(ctx context.Context, hash []byte, viewer ids.User, at time.Time) (store.LinkView, error) {
	const sql = `SELECT ` + linkColumns + `, ` + roomColumns + `, ` + memberColumns + `,
			EXISTS (SELECT 1 FROM room_bans WHERE room_id = r.id AND user_id = $2 AND coalesce(expires_at > $3, true))
		FROM room_links l JOIN rooms r ON r.id = l.room_id LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = $2
		WHERE l.hash = $1 AND r.deleted_at IS NULL`
	scan := func(row pgx.CollectableRow) (v store.LinkView, err error) {
		err = row.Scan(append(append(linkFields(&v.Link), membershipFields(&v.Membership)...), &v.IsBanned)...)
		return v, err
	}
	v, err := one(ctx, s.pool, scan, "rooms.Link", sql, hash, viewer, at)
	return v, noLink(err)
}

// Links implements store.Access.
func (s *Store) Links(ctx context.Context, id ids.Room, at time.Time, after ids.RoomLink, limit int) ([]room.Link, error) {
	const sql = `SELECT ` + linkColumns + ` FROM room_links l WHERE l.room_id = $1 AND l.id < $2 AND l.expires_at > $3 ORDER BY l.id DESC LIMIT $4`
	return list(ctx, s.pool, scanLink, "rooms.Links", sql, id, below(after), at, limit)
}

// DeleteLink implements store.Access.
func (s *Store) DeleteLink(ctx context.Context, id ids.Room, link ids.RoomLink) error {
	const sql = `DELETE FROM room_links WHERE id = $1 AND room_id = $2`
	tag, err := s.pool.Exec(ctx, sql, link, id)
	if err == nil && tag.RowsAffected() == 0 {
		return room.ErrNoLink
	}
	return postgres.MapErr("rooms.DeleteLink", err)
}

func noLink(err error) error {
	if errors.Is(err, fault.New(fault.NotFound, "")) {
		return room.ErrNoLink
	}
	return err
}
