package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Room implements store.Store.
func (s *Store) Room(ctx context.Context, id ids.Room, viewer ids.User) (room.Membership, error) {
	const sql = `SELECT ` + roomColumns + `, ` + memberColumns + `
		FROM rooms r LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = $2
		WHERE r.id = $1 AND r.deleted_at IS NULL`
	m, err := one(ctx, s.pool, scanMembership, "rooms.Room", sql, id, viewer)
	return m, missing(err)
}

// Visible implements store.Store.
func (s *Store) Visible(ctx context.Context, viewer ids.User, after ids.Room, limit int) ([]room.Room, error) {
	const sql = `SELECT ` + roomColumns + ` FROM (
			(SELECT ` + roomColumns + ` FROM rooms r WHERE NOT r.is_private AND r.deleted_at IS NULL AND r.id < $2 ORDER BY r.id DESC LIMIT $3)
			UNION ALL
			(SELECT ` + roomColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
				WHERE m.user_id = $1 AND m.room_id < $2 AND r.is_private ORDER BY m.room_id DESC LIMIT $3)
		) r ORDER BY r.id DESC LIMIT $3`
	return list(ctx, s.pool, scanRoom, "rooms.Visible", sql, viewer, below(after), limit)
}

// Joined implements store.Store.
func (s *Store) Joined(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Room, error) {
	const sql = `SELECT ` + roomColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
		WHERE m.user_id = $1 AND m.room_id < $2 ORDER BY m.room_id DESC LIMIT $3`
	return list(ctx, s.pool, scanRoom, "rooms.Joined", sql, user, below(after), limit)
}

// Memberships implements store.Store.
func (s *Store) Memberships(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Membership, error) {
	const sql = `SELECT ` + roomColumns + `, ` + memberColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
		WHERE m.user_id = $1 AND m.room_id > $2 ORDER BY m.room_id LIMIT $3`
	return list(ctx, s.pool, scanMembership, "rooms.Memberships", sql, user, after, limit)
}

// MembershipsOf implements store.Store.
func (s *Store) MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error) {
	const op = "rooms.MembershipsOf"
	const sql = `SELECT u.id, ` + roomColumns + `, ` + memberColumns + ` FROM unnest($1::uuid[]) u (id) CROSS JOIN LATERAL (
			SELECT * FROM room_members WHERE user_id = u.id ORDER BY room_id LIMIT $2
		) m JOIN rooms r ON r.id = m.room_id ORDER BY u.id, m.room_id`
	rows, err := s.pool.Query(ctx, sql, users, perUser)
	if err != nil {
		return nil, postgres.MapErr(op, err)
	}
	found := make(map[ids.User][]room.Membership, len(users))
	var (
		user ids.User
		m    room.Membership
	)
	_, err = pgx.ForEachRow(rows, append([]any{&user}, membershipFields(&m)...), func() error {
		found[user] = append(found[user], m)
		return nil
	})
	return found, postgres.MapErr(op, err)
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, id ids.Room, after ids.User, limit int) ([]room.Member, error) {
	const op = "rooms.Members"
	const cursor = `SELECT joined_version FROM room_members WHERE room_id = $1 AND user_id = $2`
	const sql = `SELECT user_id, role, muted_until, joined_at FROM room_members
		WHERE room_id = $1 AND joined_version > $2 ORDER BY joined_version LIMIT $3`
	var joined int64
	if !after.IsZero() {
		switch err := s.pool.QueryRow(ctx, cursor, id, after).Scan(&joined); {
		case errors.Is(err, pgx.ErrNoRows):
			return nil, store.ErrMemberCursor
		case err != nil:
			return nil, postgres.MapErr(op, err)
		}
	}
	scan := func(row pgx.CollectableRow) (m room.Member, err error) {
		err = row.Scan(&m.User, &m.Role, (*instant)(&m.MutedUntil), (*instant)(&m.JoinedAt))
		return m, err
	}
	return list(ctx, s.pool, scan, op, sql, id, joined, limit)
}

// FirstMembers implements store.Store.
func (s *Store) FirstMembers(ctx context.Context, rooms []ids.Room, perRoom int) (map[ids.Room][]ids.User, error) {
	const op = "rooms.FirstMembers"
	const sql = `SELECT r.id, m.user_id FROM unnest($1::uuid[]) r (id) CROSS JOIN LATERAL (
			SELECT user_id, joined_version FROM room_members WHERE room_id = r.id ORDER BY joined_version LIMIT $2
		) m ORDER BY r.id, m.joined_version`
	rows, err := s.pool.Query(ctx, sql, rooms, perRoom)
	if err != nil {
		return nil, postgres.MapErr(op, err)
	}
	first := make(map[ids.Room][]ids.User, len(rooms))
	var (
		id   ids.Room
		user ids.User
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &user}, func() error {
		first[id] = append(first[id], user)
		return nil
	})
	return first, postgres.MapErr(op, err)
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, id ids.Room, logVersion uint32, after ids.User, limit int) (snap store.Snapshot, err error) {
	const op = "rooms.Snapshot"
	const the = `SELECT ` + roomColumns + ` FROM rooms r WHERE r.id = $1`
	const members = `SELECT user_id, role, muted_until FROM room_members WHERE room_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3`
	const pending = `SELECT version, command FROM room_outbox WHERE room_id = $1 AND version > $2 ORDER BY version`
	scan := func(row pgx.CollectableRow) (m room.Member, err error) {
		err = row.Scan(&m.User, &m.Role, (*instant)(&m.MutedUntil))
		return m, err
	}
	// One snapshot for the three queries.
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.pool, opts, func(tx pgx.Tx) error {
		if snap.Room, err = one(ctx, tx, scanRoom, op, the, id); err != nil {
			return missing(err)
		}
		if snap.Members, err = list(ctx, tx, scan, op, members, id, after, limit); err != nil {
			return err
		}
		snap.Pending, err = list(ctx, tx, pgx.RowToStructByPos[store.Pending], op, pending, id, logVersion)
		return err
	})
	return snap, postgres.MapErr(op, err)
}
