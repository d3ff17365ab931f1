package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Room implements store.Store.
func (s *Store) Room(ctx context.Context, id ids.Room, viewer ids.User) (room.Membership, error) {
	const query = `SELECT ` + roomColumns + `, ` + memberColumns + `
		FROM rooms r LEFT JOIN room_members m ON m.room_id = r.id AND m.user_id = ?2
		WHERE r.id = ?1 AND r.deleted_at IS NULL`
	m, err := scanMembership(s.db.Read().QueryRowContext(ctx, query, id, viewer))
	return m, missing(err)
}

// Visible implements store.Store.
func (s *Store) Visible(ctx context.Context, viewer ids.User, after ids.Room, limit int) ([]room.Room, error) {
	const query = `SELECT ` + roomColumns + ` FROM (
			SELECT * FROM (SELECT ` + roomColumns + ` FROM rooms r WHERE NOT r.is_private AND r.deleted_at IS NULL AND r.id < ?2 ORDER BY r.id DESC LIMIT ?3)
			UNION ALL
			SELECT * FROM (SELECT ` + roomColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
				WHERE m.user_id = ?1 AND m.room_id < ?2 AND r.is_private ORDER BY m.room_id DESC LIMIT ?3)
		) r ORDER BY r.id DESC LIMIT ?3`
	return list(ctx, s.db.Read(), scanRoom, "rooms.Visible", query, viewer, below(after), limit)
}

// Joined implements store.Store.
func (s *Store) Joined(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Room, error) {
	const query = `SELECT ` + roomColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
		WHERE m.user_id = ? AND m.room_id < ? ORDER BY m.room_id DESC LIMIT ?`
	return list(ctx, s.db.Read(), scanRoom, "rooms.Joined", query, user, below(after), limit)
}

// Memberships implements store.Store.
func (s *Store) Memberships(ctx context.Context, user ids.User, after ids.Room, limit int) ([]room.Membership, error) {
	const query = `SELECT ` + roomColumns + `, ` + memberColumns + ` FROM room_members m JOIN rooms r ON r.id = m.room_id
		WHERE m.user_id = ? AND m.room_id > ? ORDER BY m.room_id LIMIT ?`
	return list(ctx, s.db.Read(), scanMembership, "rooms.Memberships", query, user, after, limit)
}

// MembershipsOf implements store.Store.
func (s *Store) MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error) {
	const op = "rooms.MembershipsOf"
	// Up to the perUser-th room of each; all when there are fewer: '~' is above every id.
	const query = `SELECT value, ` + roomColumns + `, ` + memberColumns + `
		FROM json_each(?1) JOIN room_members m ON m.user_id = value
			AND m.room_id <= coalesce((SELECT room_id FROM room_members WHERE user_id = value ORDER BY room_id LIMIT 1 OFFSET ?2 - 1), '~')
		JOIN rooms r ON r.id = m.room_id
		ORDER BY m.user_id, m.room_id`
	texts, err := json.Marshal(users)
	if err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	type row struct {
		user ids.User
		room.Membership
	}
	scan := func(from scanner) (r row, err error) {
		err = from.Scan(append([]any{&r.user}, membershipFields(&r.Membership)...)...)
		return r, err
	}
	rows, err := list(ctx, s.db.Read(), scan, op, query, string(texts), perUser)
	found := make(map[ids.User][]room.Membership, len(users))
	for _, r := range rows {
		found[r.user] = append(found[r.user], r.Membership)
	}
	return found, err
}

// Members implements store.Store.
func (s *Store) Members(ctx context.Context, id ids.Room, after ids.User, limit int) ([]room.Member, error) {
	const op = "rooms.Members"
	const cursor = `SELECT joined_version FROM room_members WHERE room_id = ? AND user_id = ?`
	const query = `SELECT user_id, role, muted_until, joined_at FROM room_members
		WHERE room_id = ? AND joined_version > ? ORDER BY joined_version LIMIT ?`
	var joined int64
	if !after.IsZero() {
		switch err := s.db.Read().QueryRowContext(ctx, cursor, id, after).Scan(&joined); {
		case errors.Is(err, sql.ErrNoRows):
			return nil, store.ErrMemberCursor
		case err != nil:
			return nil, sqlite.MapErr(op, err)
		}
	}
	scan := func(row scanner) (m room.Member, err error) {
		err = row.Scan(&m.User, &m.Role, (*millis)(&m.MutedUntil), (*millis)(&m.JoinedAt))
		return m, err
	}
	return list(ctx, s.db.Read(), scan, op, query, id, joined, limit)
}

// FirstMembers implements store.Store.
func (s *Store) FirstMembers(ctx context.Context, rooms []ids.Room, perRoom int) (map[ids.Room][]ids.User, error) {
	const op = "rooms.FirstMembers"
	// Up to the version at which the perRoom-th of them joined; of all when there are fewer (no comparison with NULL).
	const query = `SELECT m.room_id, m.user_id FROM json_each(?1) JOIN room_members m ON m.room_id = value
			AND m.joined_version <= coalesce((SELECT joined_version FROM room_members WHERE room_id = value
				ORDER BY joined_version LIMIT 1 OFFSET ?2 - 1), 1 << 32)
		ORDER BY m.room_id, m.joined_version`
	texts, err := json.Marshal(rooms)
	if err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	type pair struct {
		room ids.Room
		user ids.User
	}
	scan := func(row scanner) (p pair, err error) {
		err = row.Scan(&p.room, &p.user)
		return p, err
	}
	pairs, err := list(ctx, s.db.Read(), scan, op, query, string(texts), perRoom)
	first := make(map[ids.Room][]ids.User, len(rooms))
	for _, p := range pairs {
		first[p.room] = append(first[p.room], p.user)
	}
	return first, err
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context, id ids.Room, logVersion uint32, after ids.User, limit int) (snap store.Snapshot, err error) {
	const op = "rooms.Snapshot"
	const one = `SELECT ` + roomColumns + ` FROM rooms r WHERE r.id = ?`
	const members = `SELECT user_id, role, muted_until FROM room_members WHERE room_id = ? AND user_id > ? ORDER BY user_id LIMIT ?`
	const pending = `SELECT version, command FROM room_outbox WHERE room_id = ? AND version > ? ORDER BY version`
	// A transaction sees one moment, that of its first query.
	tx, err := s.db.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return snap, sqlite.MapErr(op, err)
	}
	defer func() { _ = tx.Rollback() }() // it wrote nothing
	if snap.Room, err = scanRoom(tx.QueryRowContext(ctx, one, id)); err != nil {
		return snap, missing(err)
	}
	scan := func(row scanner) (m room.Member, err error) {
		err = row.Scan(&m.User, &m.Role, (*millis)(&m.MutedUntil))
		return m, err
	}
	if snap.Members, err = list(ctx, tx, scan, op, members, id, after, limit); err != nil {
		return snap, err
	}
	snap.Pending, err = list(ctx, tx, scanPending, op, pending, id, logVersion)
	return snap, err
}
