package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, r room.Room, decide room.Decide) (created room.Room, err error) {
	by := store.By{Room: r.ID, Actor: r.Creator, Target: r.Creator, At: r.CreatedAt}
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		if err := insert(ctx, tx, r); err != nil {
			return err
		}
		created, err = change(ctx, tx, by, decide)
		return err
	})
	return created, err
}

// insert stores a room without members. One with its pair may be there: AlreadyExists.
func insert(ctx context.Context, tx *sql.Tx, r room.Room) error {
	const query = `INSERT INTO rooms (id, kind, name, description, topic, avatar, is_private, is_archived, is_announcement, slow_mode,
			creator_id, pair, sort_name, search, version, member_count, created_at, updated_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, 0, ?15, ?15)`
	l := r.Listing()
	_, err := tx.ExecContext(ctx, query, r.ID, r.Kind, r.Name, r.Description, r.Topic, r.Avatar, r.IsPrivate, r.IsArchived,
		r.IsAnnouncement, r.SlowMode, r.Creator, r.Pair, l.SortName, l.Search, r.CreatedAt.UnixMilli())
	return sqlite.MapErr("rooms.insert", err)
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
func (s *Store) ChangeAll(ctx context.Context, changes []store.Step) (after room.Room, err error) {
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		for _, c := range changes {
			if after, err = change(ctx, tx, c.By, c.Decide); err != nil {
				return err
			}
		}
		return nil
	})
	return after, err
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
	after := v.After(c)
	return after, write(ctx, tx, by, c, after)
}

// read reads what a decision needs. A mute stays with who leaves, a ban ends by itself.
func read(ctx context.Context, tx *sql.Tx, by store.By) (v room.View, err error) {
	const query = `SELECT ` + roomColumns + `,
		coalesce((SELECT role FROM room_members WHERE room_id = ?1 AND user_id = ?2), ''),
		coalesce(m.role, ''), CASE WHEN m.role IS NULL
			THEN (SELECT muted_until FROM room_mutes WHERE room_id = ?1 AND user_id = ?3) ELSE m.muted_until END,
		EXISTS (SELECT 1 FROM room_bans WHERE room_id = ?1 AND user_id = ?3 AND coalesce(expires_at > ?4, true)),
		(SELECT count(*) FROM room_members WHERE user_id = ?3 AND NOT is_direct),
		coalesce((SELECT id FROM room_invitations WHERE room_id = ?1 AND user_id = ?3 AND ended_at IS NULL AND expires_at > ?4), '00000000-0000-0000-0000-000000000000'),
		(SELECT count(*) FROM (SELECT 1 FROM room_outbox WHERE room_id = ?1 LIMIT ?5))
		FROM rooms r LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = ?3
		WHERE r.id = ?1 AND r.deleted_at IS NULL`
	v.At = by.At
	fields := append(roomFields(&v.Room), &v.Actor, &v.Target, (*millis)(&v.TargetMuted), &v.TargetBanned, &v.TargetRooms, &v.Invited, &v.Pending)
	row := tx.QueryRowContext(ctx, query, by.Room, by.Actor, by.Target, by.At.UnixMilli(), room.MaxPending)
	if err := row.Scan(fields...); err != nil || by.Link.IsZero() {
		return v, missing(err)
	}
	v.Link, err = linkOf(ctx, tx, by)
	return v, err
}

// deleteRoom takes away what belongs to a room that ends; its own row stays.
var deleteRoom = []string{
	`DELETE FROM room_members WHERE room_id = ?`,
	`DELETE FROM room_mutes WHERE room_id = ?`,
	`DELETE FROM room_bans WHERE room_id = ?`,
	`DELETE FROM room_links WHERE room_id = ?`,
	`UPDATE room_invitations SET ended_at = expires_at WHERE room_id = ? AND ended_at IS NULL`, // they still count for who made them
}

// write stores a change: the membership, the ban, the settings, the room's new version and the command that carries it.
func write(ctx context.Context, tx *sql.Tx, by store.By, c *room.Change, after room.Room) error {
	const putMember = `INSERT INTO room_members (room_id, user_id, role, muted_until, joined_version, joined_at, is_direct) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role, muted_until = excluded.muted_until`
	const deleteMember = `DELETE FROM room_members WHERE room_id = ? AND user_id = ?`
	const putMute = `INSERT INTO room_mutes (room_id, user_id, muted_until) VALUES (?, ?, ?)`
	const deleteMute = `DELETE FROM room_mutes WHERE room_id = ? AND user_id = ?`
	const putBan = `INSERT INTO room_bans (room_id, user_id, banned_by, reason, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (room_id, user_id) DO UPDATE SET
			banned_by = excluded.banned_by, reason = excluded.reason, created_at = excluded.created_at, expires_at = excluded.expires_at`
	const deleteBan = `DELETE FROM room_bans WHERE room_id = ? AND user_id = ?`
	const updateRoom = `UPDATE rooms SET name = ?2, description = ?3, topic = ?4, avatar = ?5, is_private = ?6, is_archived = ?7,
		is_announcement = ?8, slow_mode = ?9, version = ?10, member_count = ?11, updated_at = ?12, deleted_at = ?13 WHERE id = ?1`
	const updateListing = `UPDATE rooms SET sort_name = ?, search = ? WHERE id = ?`
	const enqueue = `INSERT INTO room_outbox (room_id, version, command, created_at) VALUES (?, ?, ?, ?)`

	var err error
	at := by.At.UnixMilli()
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	if s := c.Standing; s != nil {
		exec(endInvitations, by.Room, by.Target, at, room.InvitationWindow.Milliseconds())
		exec(deleteMute, by.Room, by.Target)
		if s.Role != role.None {
			exec(putMember, by.Room, by.Target, s.Role, value(s.MutedUntil), after.Version, at, after.Kind == role.Direct)
		} else {
			exec(deleteMember, by.Room, by.Target)
		}
		if s.Role == role.None && !s.MutedUntil.IsZero() {
			exec(putMute, by.Room, by.Target, value(s.MutedUntil))
		}
	}
	if c.Ban != nil {
		exec(putBan, by.Room, by.Target, by.Actor, c.Ban.Reason, at, value(c.Ban.ExpiresAt))
	}
	if c.LiftBan {
		exec(deleteBan, by.Room, by.Target)
	}
	if c.Delete {
		for _, query := range deleteRoom {
			exec(query, by.Room)
		}
	}
	if c.UsesLink {
		exec(useLink, by.Link)
	}
	if c.Settings != nil {
		l := after.Listing()
		exec(updateListing, l.SortName, l.Search, by.Room)
	}
	if err != nil || c.Silent() {
		return sqlite.MapErr("rooms.write", err)
	}
	command, err := c.Command(by.Room, after.Version)
	if err != nil {
		return err
	}
	exec(updateRoom, by.Room, after.Name, after.Description, after.Topic, after.Avatar, after.IsPrivate, after.IsArchived,
		after.IsAnnouncement, after.SlowMode, after.Version, after.MemberCount, after.UpdatedAt.UnixMilli(), value(after.DeletedAt))
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
	return list(ctx, s.db.Read(), scanID, "rooms.Stale", query, after, before.UnixMilli(), limit)
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
