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

// invitationColumns are what invitationFields reads, of a table i.
const invitationColumns = `i.id, i.room_id, i.user_id, i.invited_by, i.created_at, i.expires_at, i.ended_at`

func invitationFields(i *room.Invitation) []any {
	return []any{&i.ID, &i.Room, &i.User, &i.By, (*instant)(&i.CreatedAt), (*instant)(&i.ExpiresAt), (*instant)(&i.EndedAt)}
}

func scanInvitation(row pgx.CollectableRow) (i room.Invitation, err error) {
	err = row.Scan(invitationFields(&i)...)
	return i, err
}

// endInvitations ends the invitations of a user to a room. They count for who made them until the window is over.
const endInvitations = `UPDATE room_invitations SET ended_at = $3, forget_at = created_at + $4::interval WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL`

// Invite implements store.Access. The lock on who invites comes last, after those of store.Change: nobody waits in a circle.
func (s *Store) Invite(ctx context.Context, inv room.Invitation, permit room.Permit) (pending room.Invitation, isNew bool, err error) {
	const op = "rooms.Invite"
	const count = `SELECT count(*) FROM room_invitations WHERE invited_by = $1 AND created_at > $2`
	const find = `SELECT ` + invitationColumns + ` FROM room_invitations i WHERE i.room_id = $1 AND i.user_id = $2 AND i.ended_at IS NULL`
	const insert = `INSERT INTO room_invitations (id, room_id, user_id, invited_by, created_at, expires_at, forget_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	by := store.By{Room: inv.Room, Actor: inv.By, Target: inv.User, At: inv.CreatedAt}
	err = postgres.InTx(ctx, s.pool, func(tx pgx.Tx) error {
		v, err := lock(ctx, tx, by)
		if err != nil {
			return err
		}
		if err := lockText(ctx, tx, "natter room invitations by "+inv.By.String()); err != nil {
			return err
		}
		there, err := one(ctx, tx, pgx.RowTo[int], op, count, inv.By, inv.CreatedAt.Add(-room.InvitationWindow))
		if err != nil {
			return err
		}
		if err := permit(v, there); err != nil {
			return err
		}
		if !v.Invited.IsZero() {
			pending, err = one(ctx, tx, scanInvitation, op, find, inv.Room, inv.User)
			return err
		}
		var batch pgx.Batch
		batch.Queue(endInvitations, inv.Room, inv.User, inv.CreatedAt, room.InvitationWindow) // one that has expired
		batch.Queue(insert, inv.ID, inv.Room, inv.User, inv.By, inv.CreatedAt, inv.ExpiresAt, inv.ForgetAt())
		pending, isNew = inv, true
		return postgres.MapErr(op, tx.SendBatch(ctx, &batch).Close())
	})
	return pending, isNew, err
}

// Invitation implements store.Access.
func (s *Store) Invitation(ctx context.Context, id ids.RoomInvitation) (room.Invitation, error) {
	const sql = `SELECT ` + invitationColumns + ` FROM room_invitations i WHERE i.id = $1`
	i, err := one(ctx, s.pool, scanInvitation, "rooms.Invitation", sql, id)
	return i, noInvitation(err)
}

// RoomInvitations implements store.Access.
func (s *Store) RoomInvitations(ctx context.Context, id ids.Room, at time.Time, after ids.RoomInvitation, limit int) ([]room.Invitation, error) {
	const sql = `SELECT ` + invitationColumns + ` FROM room_invitations i
		WHERE i.room_id = $1 AND i.id < $2 AND i.ended_at IS NULL AND i.expires_at > $3 ORDER BY i.id DESC LIMIT $4`
	return list(ctx, s.pool, scanInvitation, "rooms.RoomInvitations", sql, id, below(after), at, limit)
}

// UserInvitations implements store.Access.
func (s *Store) UserInvitations(ctx context.Context, user ids.User, at time.Time, after ids.RoomInvitation, limit int) ([]store.Invited, error) {
	const sql = `SELECT ` + invitationColumns + `, ` + roomColumns + ` FROM room_invitations i JOIN rooms r ON r.id = i.room_id
		WHERE i.user_id = $1 AND i.id < $2 AND i.ended_at IS NULL AND i.expires_at > $3 AND NOT r.is_archived AND r.deleted_at IS NULL
		ORDER BY i.id DESC LIMIT $4`
	scan := func(row pgx.CollectableRow) (i store.Invited, err error) {
		err = row.Scan(append(invitationFields(&i.Invitation), roomFields(&i.To)...)...)
		return i, err
	}
	return list(ctx, s.pool, scan, "rooms.UserInvitations", sql, user, below(after), at, limit)
}

// EndInvitation implements store.Access.
func (s *Store) EndInvitation(ctx context.Context, id ids.RoomInvitation, at time.Time) error {
	const sql = `UPDATE room_invitations SET ended_at = $2, forget_at = created_at + $3::interval WHERE id = $1 AND ended_at IS NULL AND expires_at > $2`
	tag, err := s.pool.Exec(ctx, sql, id, at, room.InvitationWindow)
	if err == nil && tag.RowsAffected() == 0 {
		return room.ErrNoInvitation
	}
	return postgres.MapErr("rooms.EndInvitation", err)
}

// DeleteExpired implements store.Access.
func (s *Store) DeleteExpired(ctx context.Context, at time.Time) error {
	const op = "rooms.DeleteExpired"
	const invitations = `DELETE FROM room_invitations WHERE forget_at <= $1`
	const links = `DELETE FROM room_links WHERE expires_at <= $1`
	_, err1 := s.pool.Exec(ctx, invitations, at)
	_, err2 := s.pool.Exec(ctx, links, at)
	return errors.Join(postgres.MapErr(op, err1), postgres.MapErr(op, err2))
}

func noInvitation(err error) error {
	if errors.Is(err, fault.New(fault.NotFound, "")) {
		return room.ErrNoInvitation
	}
	return err
}
