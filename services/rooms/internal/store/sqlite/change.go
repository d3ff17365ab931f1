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

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, r room.Room, decide room.Decide) (created room.Room, err error) {
	const insert = `INSERT INTO rooms (id, name, description, is_private, creator_id, version, member_count, created_at, updated_at)
		VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6)`
	by := store.By{Room: r.ID, Actor: r.Creator, Target: r.Creator, At: r.CreatedAt}
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, insert, r.ID, r.Name, r.Description, r.IsPrivate, r.Creator, r.CreatedAt.UnixMilli()); err != nil {
			return err
		}
		created, err = change(ctx, tx, by, decide)
		return err
	})
	return created, err
}

// Change implements store.Store.
func (s *Store) Change(ctx context.Context, by store.By, decide room.Decide) (after room.Room, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		after, err = change(ctx, tx, by, decide)
		return err
	})
	return after, err
}

// ChangeAll implements store.Store.
func (s *Store) ChangeAll(ctx context.Context, changes []store.Step) error {
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range changes {
			if _, err := change(ctx, tx, c.By, c.Decide); err != nil {
				return err
			}
		}
		return nil
	})
}

// change needs no lock but the transaction's: there is one writer per file.
func change(ctx context.Context, tx *sql.Tx, by store.By, decide room.Decide) (room.Room, error) {
	v, err := read(ctx, tx, by)
	if err != nil {
		return room.Room{}, err
	}
	c, err := decide(v)
	if err != nil || c == nil {
		return v.Room, err
	}
	after := v.After(c, by.At)
	return after, write(ctx, tx, by, c, after)
}

// read reads what a decision needs.
func read(ctx context.Context, tx *sql.Tx, by store.By) (v room.View, err error) {
	const query = `SELECT ` + roomColumns + `,
		coalesce((SELECT role FROM room_members WHERE room_id = ?1 AND user_id = ?2), ''),
		coalesce((SELECT role FROM room_members WHERE room_id = ?1 AND user_id = ?3), ''),
		EXISTS (SELECT 1 FROM room_bans WHERE room_id = ?1 AND user_id = ?3),
		(SELECT count(*) FROM room_members WHERE user_id = ?3),
		(SELECT count(*) FROM (SELECT 1 FROM room_outbox WHERE room_id = ?1 LIMIT ?4))
		FROM rooms r WHERE r.id = ?1`
	fields := append(roomFields(&v.Room), &v.Actor, &v.Target, &v.TargetBanned, &v.TargetRooms, &v.Pending)
	return v, missing(tx.QueryRowContext(ctx, query, by.Room, by.Actor, by.Target, room.MaxPending).Scan(fields...))
}

// write stores a change: the membership, the ban, the room's new version and the command that carries it.
func write(ctx context.Context, tx *sql.Tx, by store.By, c *room.Change, after room.Room) error {
	const putMember = `INSERT INTO room_members (room_id, user_id, role, joined_version, joined_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role`
	const deleteMember = `DELETE FROM room_members WHERE room_id = ? AND user_id = ?`
	const ban = `INSERT INTO room_bans (room_id, user_id, banned_by, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	const updateRoom = `UPDATE rooms SET version = ?2, member_count = ?3, updated_at = ?4 WHERE id = ?1`
	const enqueue = `INSERT INTO room_outbox (room_id, version, command, created_at) VALUES (?, ?, ?, ?)`

	command, err := c.Command(by.Room, after.Version)
	if err != nil {
		return err
	}
	at := by.At.UnixMilli()
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	if c.Role != "" {
		exec(putMember, by.Room, by.Target, c.Role, after.Version, at)
	} else {
		exec(deleteMember, by.Room, by.Target)
	}
	if c.Ban {
		exec(ban, by.Room, by.Target, by.Actor, at)
	}
	exec(updateRoom, by.Room, after.Version, after.MemberCount, after.UpdatedAt.UnixMilli())
	exec(enqueue, by.Room, after.Version, command, at)
	return sqlite.MapErr("rooms.write", err)
}

// Pending implements store.Outbox.
func (s *Store) Pending(ctx context.Context, id ids.Room, limit int) ([]store.Pending, error) {
	const query = `SELECT version, command FROM room_outbox WHERE room_id = ? ORDER BY version LIMIT ?`
	return list(ctx, s.db.Read(), scanPending, "rooms.Pending", query, id, limit)
}

// Acked implements store.Outbox.
func (s *Store) Acked(ctx context.Context, id ids.Room, version uint32) error {
	const query = `DELETE FROM room_outbox WHERE room_id = ? AND version <= ?`
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, id, version)
		return err
	})
}

// Stale implements store.Outbox.
func (s *Store) Stale(ctx context.Context, before time.Time, after ids.Room, limit int) ([]ids.Room, error) {
	const query = `SELECT DISTINCT room_id FROM room_outbox WHERE room_id > ? AND created_at < ? ORDER BY room_id LIMIT ?`
	scan := func(row scanner) (id ids.Room, err error) {
		err = row.Scan(&id)
		return id, err
	}
	return list(ctx, s.db.Read(), scan, "rooms.Stale", query, after, before.UnixMilli(), limit)
}

// Backlog implements store.Outbox.
func (s *Store) Backlog(ctx context.Context) (b store.Backlog, err error) {
	const query = `SELECT count(*), min(created_at) FROM (SELECT created_at FROM room_outbox ORDER BY created_at LIMIT ?) /* scan: bounded */`
	err = s.db.Read().QueryRowContext(ctx, query, store.MaxBacklog).Scan(&b.Rows, (*millis)(&b.Oldest))
	return b, sqlite.MapErr("rooms.Backlog", err)
}

// missing names what was not found.
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return room.ErrNotFound
	}
	return sqlite.MapErr("rooms", err)
}
