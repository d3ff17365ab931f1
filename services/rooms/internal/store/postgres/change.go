package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, r room.Room, decide room.Decide) (created room.Room, err error) {
	by := store.By{Room: r.ID, Actor: r.Creator, Target: r.Creator, At: r.CreatedAt}
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := insert(ctx, tx, r); err != nil {
			return err
		}
		created, err = change(ctx, tx, by, decide)
		return err
	})
	return created, err
}

// insert stores a room without members. False: there is one with its pair, and its transaction has ended.
func insert(ctx context.Context, tx pgx.Tx, r room.Room) (isNew bool, err error) {
	const sql = `INSERT INTO rooms (id, kind, name, description, topic, avatar, is_private, is_archived, is_announcement, slow_mode,
			creator_id, pair, sort_name, search, version, member_count, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0, $15, $15)
		ON CONFLICT (pair) WHERE pair IS NOT NULL DO NOTHING`
	l := r.Listing()
	tag, err := tx.Exec(ctx, sql, r.ID, r.Kind, r.Name, r.Description, r.Topic, r.Avatar, r.IsPrivate, r.IsArchived,
		r.IsAnnouncement, r.SlowMode, r.Creator, r.Pair, l.SortName, l.Search, r.CreatedAt)
	return tag.RowsAffected() == 1, postgres.MapErr("rooms.insert", err)
}

// Change implements store.Store.
func (s *Store) Change(ctx context.Context, by store.By, decide room.Decide) (after room.Room, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		after, err = change(ctx, tx, by, decide)
		return err
	})
	return after, err
}

// ChangeAll implements store.Store.
func (s *Store) ChangeAll(ctx context.Context, changes []store.Step) (after room.Room, err error) {
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		for _, c := range changes {
			if after, err = change(ctx, tx, c.By, c.Decide); err != nil {
				return err
			}
		}
		return nil
	})
	return after, err
}

// change runs at READ COMMITTED: what is read after the locks were taken is what was committed before.
func change(ctx context.Context, tx pgx.Tx, by store.By, decide room.Decide) (room.Room, error) {
	v, err := lock(ctx, tx, by)
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

// lock takes the room's row, then the target user (a transaction holds one of each, in this order, so they cannot
// wait for each other in a circle, but for two of ChangeAll), and reads what a decision needs.
func lock(ctx context.Context, tx pgx.Tx, by store.By) (v room.View, err error) {
	const op = "rooms.lock"
	const lockRoom = `SELECT ` + roomColumns + ` FROM rooms r WHERE r.id = $1 AND r.deleted_at IS NULL FOR UPDATE`
	// A mute stays with who leaves, a ban ends by itself.
	const view = `SELECT
		coalesce((SELECT role FROM room_members WHERE room_id = $1 AND user_id = $2), ''),
		coalesce(m.role, ''), CASE WHEN m.role IS NULL
			THEN (SELECT muted_until FROM room_mutes WHERE room_id = $1 AND user_id = $3) ELSE m.muted_until END,
		EXISTS (SELECT 1 FROM room_bans WHERE room_id = $1 AND user_id = $3 AND coalesce(expires_at > $4, true)),
		(SELECT count(*) FROM room_members WHERE user_id = $3 AND NOT is_direct),
		coalesce((SELECT id FROM room_invitations WHERE room_id = $1 AND user_id = $3 AND ended_at IS NULL AND expires_at > $4), '00000000-0000-0000-0000-000000000000'),
		(SELECT count(*) FROM (SELECT 1 FROM room_outbox WHERE room_id = $1 LIMIT $5) waiting)
		FROM (SELECT) this LEFT JOIN room_members m ON m.room_id = $1 AND m.user_id = $3`
	v.At = by.At
	if v.Room, err = one(ctx, tx, scanRoom, op, lockRoom, by.Room); err != nil {
		return v, missing(err)
	}
	if err := lockRoomsOf(ctx, tx, by.Target); err != nil {
		return v, err
	}
	err = tx.QueryRow(ctx, view, by.Room, by.Actor, by.Target, by.At, room.MaxPending).
		Scan(&v.Actor, &v.Target, (*instant)(&v.TargetMuted), &v.TargetBanned, &v.TargetRooms, &v.Invited, &v.Pending)
	if err != nil || by.Link.IsZero() {
		return v, postgres.MapErr(op, err)
	}
	v.Link, err = linkOf(ctx, tx, by)
	return v, err
}

// lockRoomsOf makes others wait who change how many rooms this user is in, or has started.
func lockRoomsOf(ctx context.Context, tx pgx.Tx, user ids.User) error {
	return lockText(ctx, tx, "natter rooms of "+user.String())
}

// lockText takes a lock on a text, until the transaction ends.
func lockText(ctx context.Context, tx pgx.Tx, text string) error {
	const sql = `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`
	_, err := tx.Exec(ctx, sql, text)
	return postgres.MapErr("rooms.lockText", err)
}

// deleteRoom takes away what belongs to a room that ends; its own row stays.
var deleteRoom = []string{
	`DELETE FROM room_members WHERE room_id = $1`,
	`DELETE FROM room_mutes WHERE room_id = $1`,
	`DELETE FROM room_bans WHERE room_id = $1`,
	`DELETE FROM room_links WHERE room_id = $1`,
	`UPDATE room_invitations SET ended_at = expires_at WHERE room_id = $1 AND ended_at IS NULL`, // they still count for who made them
}

// write stores a change: the membership, the ban, the settings, the room's new version and the command that carries it.
func write(ctx context.Context, tx pgx.Tx, by store.By, c *room.Change, after room.Room) error {
	const putMember = `INSERT INTO room_members (room_id, user_id, role, muted_until, joined_version, joined_at, is_direct)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (room_id, user_id) DO UPDATE SET role = excluded.role, muted_until = excluded.muted_until`
	const deleteMember = `DELETE FROM room_members WHERE room_id = $1 AND user_id = $2`
	const putMute = `INSERT INTO room_mutes (room_id, user_id, muted_until) VALUES ($1, $2, $3)`
	const deleteMute = `DELETE FROM room_mutes WHERE room_id = $1 AND user_id = $2`
	const putBan = `INSERT INTO room_bans (room_id, user_id, banned_by, reason, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (room_id, user_id) DO UPDATE SET
			banned_by = excluded.banned_by, reason = excluded.reason, created_at = excluded.created_at, expires_at = excluded.expires_at`
	const deleteBan = `DELETE FROM room_bans WHERE room_id = $1 AND user_id = $2`
	const updateRoom = `UPDATE rooms SET name = $2, description = $3, topic = $4, avatar = $5, is_private = $6, is_archived = $7,
		is_announcement = $8, slow_mode = $9, version = $10, member_count = $11, updated_at = $12, deleted_at = $13 WHERE id = $1`
	const updateListing = `UPDATE rooms SET sort_name = $1, search = $2 WHERE id = $3`
	const enqueue = `INSERT INTO room_outbox (room_id, version, command, created_at) VALUES ($1, $2, $3, $4)`

	var batch pgx.Batch // one round trip while the room is locked
	if s := c.Standing; s != nil {
		batch.Queue(endInvitations, by.Room, by.Target, by.At, room.InvitationWindow)
		batch.Queue(deleteMute, by.Room, by.Target)
		if s.Role != role.None {
			batch.Queue(putMember, by.Room, by.Target, s.Role, value(s.MutedUntil), after.Version, by.At, after.Kind == role.Direct)
		} else {
			batch.Queue(deleteMember, by.Room, by.Target)
		}
		if s.Role == role.None && !s.MutedUntil.IsZero() {
			batch.Queue(putMute, by.Room, by.Target, s.MutedUntil)
		}
	}
	if c.Ban != nil {
		batch.Queue(putBan, by.Room, by.Target, by.Actor, c.Ban.Reason, by.At, value(c.Ban.ExpiresAt))
	}
	if c.LiftBan {
		batch.Queue(deleteBan, by.Room, by.Target)
	}
	if c.Delete {
		for _, query := range deleteRoom {
			batch.Queue(query, by.Room)
		}
	}
	if c.UsesLink {
		batch.Queue(useLink, by.Link)
	}
	if c.Settings != nil {
		l := after.Listing()
		batch.Queue(updateListing, l.SortName, l.Search, by.Room)
	}
	if !c.Silent() {
		command, err := c.Command(by.Room, after.Version)
		if err != nil {
			return err
		}
		batch.Queue(updateRoom, by.Room, after.Name, after.Description, after.Topic, after.Avatar, after.IsPrivate, after.IsArchived,
			after.IsAnnouncement, after.SlowMode, after.Version, after.MemberCount, after.UpdatedAt, value(after.DeletedAt))
		batch.Queue(enqueue, by.Room, after.Version, command, by.At)
	}
	return postgres.MapErr("rooms.write", tx.SendBatch(ctx, &batch).Close())
}

// Pending implements store.Outbox.
func (s *Store) Pending(ctx context.Context, id ids.Room, limit int) ([]store.Pending, error) {
	const sql = `SELECT version, command FROM room_outbox WHERE room_id = $1 ORDER BY version LIMIT $2`
	return list(ctx, s.pool, pgx.RowToStructByPos[store.Pending], "rooms.Pending", sql, id, limit)
}

// Acked implements store.Outbox.
func (s *Store) Acked(ctx context.Context, id ids.Room, version uint32) error {
	const sql = `DELETE FROM room_outbox WHERE room_id = $1 AND version <= $2`
	_, err := s.pool.Exec(ctx, sql, id, version)
	return postgres.MapErr("rooms.Acked", err)
}

// Stale implements store.Outbox.
func (s *Store) Stale(ctx context.Context, before time.Time, after ids.Room, limit int) ([]ids.Room, error) {
	const sql = `SELECT DISTINCT room_id FROM room_outbox WHERE room_id > $1 AND created_at < $2 ORDER BY room_id LIMIT $3`
	return list(ctx, s.pool, pgx.RowTo[ids.Room], "rooms.Stale", sql, after, before, limit)
}

// Backlog implements store.Outbox.
func (s *Store) Backlog(ctx context.Context) (b store.Backlog, err error) {
	const sql = `SELECT count(*), min(created_at) FROM (SELECT created_at FROM room_outbox ORDER BY created_at LIMIT $1) oldest /* scan: bounded */`
	var oldest *time.Time
	if err := s.pool.QueryRow(ctx, sql, store.MaxBacklog).Scan(&b.Rows, &oldest); err != nil {
		return b, postgres.MapErr("rooms.Backlog", err)
	}
	if oldest != nil {
		b.Oldest = oldest.UTC()
	}
	return b, nil
}

// missing names what was not found.
func missing(err error) error {
	if errors.Is(err, fault.New(fault.NotFound, "")) {
		return room.ErrNotFound
	}
	return err
}
