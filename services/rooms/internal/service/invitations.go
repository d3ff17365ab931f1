package service

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// InviteToRoom invites a user and tells them.
func (s *Service) InviteToRoom(ctx context.Context, req *roomsv1.InviteToRoomRequest) (*roomsv1.RoomInvitation, error) {
	me, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	user, err := parseUser("userId", req.GetUserId())
	if err != nil {
		return nil, err
	}
	// The room first: who may not invite learns nothing about users either.
	m, err := s.invites(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	if _, err := s.reachable(ctx, user); err != nil {
		return nil, err
	}
	at := now()
	inv, isNew, err := s.store.Invite(ctx, room.Invitation{
		ID: ids.New[ids.RoomInvitation](), Room: m.Room.ID, User: user, By: me, CreatedAt: at, ExpiresAt: at.Add(s.limits.InvitationLife),
	}, s.limits.Invite)
	if err != nil {
		return nil, err
	}
	shown := s.showInvitations(ctx, []store.Invited{{Invitation: inv, To: m.Room}})[0]
	if isNew {
		s.tell(user, invited(&clientv1.Invited{InvitationId: shown.GetId(), Room: shown.GetRoom(), By: shown.GetBy()}))
	}
	return shown, nil
}

// ListRoomInvitations returns a page of the pending invitations to a room.
func (s *Service) ListRoomInvitations(ctx context.Context, req *roomsv1.ListRoomInvitationsRequest) (*roomsv1.ListRoomInvitationsResponse, error) {
	m, err := s.invites(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	after, limit, err := invitationsPage(req.GetAfter(), req.GetLimit())
	if err != nil {
		return nil, err
	}
	found, err := s.store.RoomInvitations(ctx, m.Room.ID, now(), after, limit)
	if err != nil {
		return nil, err
	}
	list := make([]store.Invited, len(found))
	for i, inv := range found {
		list[i] = store.Invited{Invitation: inv, To: m.Room}
	}
	return &roomsv1.ListRoomInvitationsResponse{Invitations: s.showInvitations(ctx, list)}, nil
}

// ListMyInvitations returns a page of the caller's pending invitations.
func (s *Service) ListMyInvitations(ctx context.Context, req *roomsv1.ListMyInvitationsRequest) (*roomsv1.ListMyInvitationsResponse, error) {
	me, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	after, limit, err := invitationsPage(req.GetAfter(), req.GetLimit())
	if err != nil {
		return nil, err
	}
	list, err := s.store.UserInvitations(ctx, me, now(), after, limit)
	if err != nil {
		return nil, err
	}
	return &roomsv1.ListMyInvitationsResponse{Invitations: s.showInvitations(ctx, list)}, nil
}

// RevokeRoomInvitation takes an invitation back.
func (s *Service) RevokeRoomInvitation(ctx context.Context, req *roomsv1.RevokeRoomInvitationRequest) (*roomsv1.RevokeRoomInvitationResponse, error) {
	id, err := parseInvitation(req.GetInvitationId())
	if err != nil {
		return nil, err
	}
	m, err := s.invites(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	inv, err := s.store.Invitation(ctx, id)
	if err == nil && inv.Room != m.Room.ID {
		err = room.ErrNoInvitation
	}
	if err != nil {
		return nil, err
	}
	return &roomsv1.RevokeRoomInvitationResponse{}, s.end(ctx, inv)
}

// DeclineRoomInvitation ends an invitation of the caller.
func (s *Service) DeclineRoomInvitation(ctx context.Context, req *roomsv1.DeclineRoomInvitationRequest) (*roomsv1.DeclineRoomInvitationResponse, error) {
	_, inv, err := s.mine(ctx, req.GetInvitationId())
	if err != nil {
		return nil, err
	}
	return &roomsv1.DeclineRoomInvitationResponse{}, s.end(ctx, inv)
}

// AcceptRoomInvitation makes the caller a member. To the room it is a user joining, who may because they are invited.
func (s *Service) AcceptRoomInvitation(ctx context.Context, req *roomsv1.AcceptRoomInvitationRequest) (*chatv1.Room, error) {
	me, inv, err := s.mine(ctx, req.GetInvitationId())
	if err != nil {
		return nil, err
	}
	if !inv.IsPending(now()) {
		switch m, err := s.store.Room(ctx, inv.Room, inv.User); {
		case err == nil && m.Role == role.None, fault.CodeOf(err) == fault.NotFound:
			return nil, room.ErrNoInvitation
		case err != nil:
			return nil, err
		}
	}
	r, err := s.change(ctx, store.By{Room: inv.Room, Actor: inv.User, Target: inv.User}, s.limits.Join(me))
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

// mine returns an invitation of the caller, pending or not.
func (s *Service) mine(ctx context.Context, invitationID string) (*chatv1.UserRef, room.Invitation, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, room.Invitation{}, err
	}
	id, err := parseInvitation(invitationID)
	if err != nil {
		return nil, room.Invitation{}, err
	}
	inv, err := s.store.Invitation(ctx, id)
	if err == nil && inv.User != user {
		err = room.ErrNoInvitation
	}
	return me, inv, err
}

// end ends an invitation before it expires.
func (s *Service) end(ctx context.Context, inv room.Invitation) error {
	if err := s.store.EndInvitation(ctx, inv.ID, now()); err != nil {
		return err
	}
	s.tellEnded(inv.User, inv.ID)
	return nil
}

// tellEnded tells the devices of a user that an invitation is gone.
func (s *Service) tellEnded(user ids.User, id ids.RoomInvitation) {
	s.tell(user, invited(&clientv1.Invited{InvitationId: id.String(), Revoked: true}))
}

func invited(i *clientv1.Invited) *busv1.UserEvent {
	return &busv1.UserEvent{Event: &busv1.UserEvent_Invited{Invited: i}}
}

func (s *Service) showInvitations(ctx context.Context, list []store.Invited) []*roomsv1.RoomInvitation {
	var users []ids.User
	for _, i := range list {
		users = append(users, i.User, i.By, i.To.Creator)
	}
	names := s.directory.Names(ctx, users)
	shown := make([]*roomsv1.RoomInvitation, len(list))
	for i, inv := range list {
		to := plain(inv.To)
		to.Creator = names[inv.To.Creator]
		shown[i] = &roomsv1.RoomInvitation{
			Id: inv.ID.String(), Room: to, User: names[inv.User], By: names[inv.By],
			CreatedAt: timestamppb.New(inv.CreatedAt), ExpiresAt: timestamppb.New(inv.ExpiresAt),
		}
	}
	return shown
}

func parseInvitation(s string) (ids.RoomInvitation, error) {
	id, err := ids.ParseRoomInvitation(s)
	if err != nil {
		return id, fault.Invalid("invitationId", "not the id of an invitation")
	}
	return id, nil
}

func invitationsPage(after string, n uint32) (id ids.RoomInvitation, limit int, err error) {
	if after != "" {
		if id, err = ids.ParseRoomInvitation(after); err != nil {
			return id, 0, fault.Invalid("after", "not the id of an invitation")
		}
	}
	limit, err = parseLimit(n, accessPage, maxAccessPage)
	return id, limit, err
}
