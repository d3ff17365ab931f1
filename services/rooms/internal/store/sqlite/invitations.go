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

// invitationColumns are what invitationFields reads, of a table i.
const invitationColumns = `i.id, i.room_id, i.user_id, i.invited_by, i.created_at, i.expires_at, i.ended_at`

func invitationFields(i *room.Invitation) []any {
	return []any{&i.ID, &i.Room, &i.User, &i.By, (*millis)(&i.CreatedAt), (*millis)(&i.ExpiresAt), (*millis)(&i.EndedAt)}
}

func scanInvitation(row scanner) (i room.Invitation, err error) {
	err = row.Scan(invitationFields(&i)...)
	return i, err
}

// endInvitations ends the invitations of a user to a room. They count for who made them until the window is over.
const endInvitations = `UPDATE room_invitations SET ended_at = ?3, forget_at = created_at + ?4 WHERE room_id = ?1 AND user_id = ?2 AND ended_at IS NULL`

// Invite implements store.Access.
func (s *Store) Invite(ctx context.Context, inv room.Invitation, permit room.Permit) (pending room.Invitation, isNew bool, err error) {
	const count = `SELECT count(*) FROM room_invitations WHERE invited_by = ? AND created_at > ?`
	const find = `SELECT ` + invitationColumns + ` FROM room_invitations i WHERE i.room_id = ? AND i.user_id = ? AND i.ended_at IS NULL`
	const insert = `INSERT INTO room_invitations (id, room_id, user_id, invited_by, created_at, expires_at, forget_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	by := store.By{Room: inv.Room, Actor: inv.By, Target: inv.User, At: inv.CreatedAt}
	at := inv.CreatedAt.UnixMilli()
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		v, err := read(ctx, tx, by)
		if err != nil {
			return err
		}
		var there int
		if err := tx.QueryRowContext(ctx, count, inv.By, inv.CreatedAt.Add(-room.InvitationWindow).UnixMilli()).Scan(&there); err != nil {
			return err
		}
		if err := permit(v, there); err != nil {
			return err
		}
		if !v.Invited.IsZero() {
			pending, err = scanInvitation(tx.QueryRowContext(ctx, find, inv.Room, inv.User))
			return err
		}
		// One that has expired makes room.
		if _, err := tx.ExecContext(ctx, endInvitations, inv.Room, inv.User, at, room.InvitationWindow.Milliseconds()); err != nil {
			return err
		}
		pending, isNew = inv, true
		_, err = tx.ExecContext(ctx, insert, inv.ID, inv.Room, inv.User, inv.By, at, inv.ExpiresAt.UnixMilli(), inv.ForgetAt().UnixMilli())
		return err
	})
	return pending, isNew, err
}

// Invitation implements store.Access.
func (s *Store) Invitation(ctx context.Context, id ids.RoomInvitation) (room.Invitation, error) {
	const query = `SELECT ` + invitationColumns + ` FROM room_invitations i WHERE i.id = ?`
	i, err := scanInvitation(s.db.Read().QueryRowContext(ctx, query, id))
	if errors.Is(err, sql.ErrNoRows) {
		return i, room.ErrNoInvitation
	}
	return i, sqlite.MapErr("rooms.Invitation", err)
}

// RoomInvitations implements store.Access.
func (s *Store) RoomInvitations(ctx context.Context, id ids.Room, at time.Time, after ids.RoomInvitation, limit int) ([]room.Invitation, error) {
	const query = `SELECT ` + invitationColumns + ` FROM room_invitations i
		WHERE i.room_id = ? AND i.id < ? AND i.ended_at IS NULL AND i.expires_at > ? ORDER BY i.id DESC LIMIT ?`
	return list(ctx, s.db.Read(), scanInvitation, "rooms.RoomInvitations", query, id, below(after), at.UnixMilli(), limit)
}

// UserInvitations implements store.Access.
func (s *Store) UserInvitations(ctx context.Context, user ids.User, at time.Time, after ids.RoomInvitation, limit int) ([]store.Invited, error) {
	const query = `SELECT ` + invitationColumns + `, ` + roomColumns + ` FROM room_invitations i JOIN rooms r ON r.id = i.room_id
		WHERE i.user_id = ? AND i.id < ? AND i.ended_at IS NULL AND i.expires_at > ? AND NOT r.is_archived AND r.deleted_at IS NULL
		ORDER BY i.id DESC LIMIT ?`
	scan := func(row scanner) (i store.Invited, err error) {
		err = row.Scan(append(invitationFields(&i.Invitation), roomFields(&i.To)...)...)
		return i, err
	}
	return list(ctx, s.db.Read(), scan, "rooms.UserInvitations", query, user, below(after), at.UnixMilli(), limit)
}

// EndInvitation implements store.Access.
func (s *Store) EndInvitation(ctx context.Context, id ids.RoomInvitation, at time.Time) error {
	const query = `UPDATE room_invitations SET ended_at = ?2, forget_at = created_at + ?3 WHERE id = ?1 AND ended_at IS NULL AND expires_at > ?2`
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		return changedOne(room.ErrNoInvitation)(tx.ExecContext(ctx, query, id, at.UnixMilli(), room.InvitationWindow.Milliseconds()))
	})
}

// DeleteExpired implements store.Access.
func (s *Store) DeleteExpired(ctx context.Context, at time.Time) error {
	const invitations = `DELETE FROM room_invitations WHERE forget_at <= ?`
	const links = `DELETE FROM room_links WHERE expires_at <= ?`
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		_, err1 := tx.ExecContext(ctx, invitations, at.UnixMilli())
		_, err2 := tx.ExecContext(ctx, links, at.UnixMilli())
		return errors.Join(err1, err2)
	})
}
