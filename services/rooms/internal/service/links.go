package service

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// CreateRoomLink makes a link; its token is in the answer and nowhere else.
func (s *Service) CreateRoomLink(ctx context.Context, req *roomsv1.CreateRoomLinkRequest) (*roomsv1.RoomLink, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	life, err := s.limits.LinkLife(req.GetExpiresInSeconds())
	if err != nil {
		return nil, err
	}
	token, hash := room.NewLinkToken()
	at := now()
	l := room.Link{ID: ids.New[ids.RoomLink](), Room: id, By: user, CreatedAt: at, ExpiresAt: at.Add(life), MaxUses: req.GetMaxUses()}
	if err := s.store.MakeLink(ctx, l, hash, s.limits.MakeLink); err != nil {
		return nil, err
	}
	shown := showLink(l, me)
	shown.Token = token
	return shown, nil
}

// ListRoomLinks returns a page of the links of a room.
func (s *Service) ListRoomLinks(ctx context.Context, req *roomsv1.ListRoomLinksRequest) (*roomsv1.ListRoomLinksResponse, error) {
	m, err := s.invites(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	var after ids.RoomLink
	if req.GetAfter() != "" {
		if after, err = parseLink("after", req.GetAfter()); err != nil {
			return nil, err
		}
	}
	limit, err := parseLimit(req.GetLimit(), accessPage, maxAccessPage)
	if err != nil {
		return nil, err
	}
	found, err := s.store.Links(ctx, m.Room.ID, now(), after, limit)
	if err != nil {
		return nil, err
	}
	makers := make([]ids.User, len(found))
	for i, l := range found {
		makers[i] = l.By
	}
	names := s.directory.Names(ctx, makers)
	res := &roomsv1.ListRoomLinksResponse{}
	for _, l := range found {
		res.Links = append(res.Links, showLink(l, names[l.By]))
	}
	return res, nil
}

// RevokeRoomLink makes a link useless.
func (s *Service) RevokeRoomLink(ctx context.Context, req *roomsv1.RevokeRoomLinkRequest) (*roomsv1.RevokeRoomLinkResponse, error) {
	id, err := parseLink("linkId", req.GetLinkId())
	if err != nil {
		return nil, err
	}
	m, err := s.invites(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	return &roomsv1.RevokeRoomLinkResponse{}, s.store.DeleteLink(ctx, m.Room.ID, id)
}

// PreviewLink shows where a link leads to who could join by it, or has.
func (s *Service) PreviewLink(ctx context.Context, req *roomsv1.PreviewLinkRequest) (*roomsv1.LinkPreview, error) {
	user, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.link(ctx, req.GetToken(), user)
	if err != nil {
		return nil, err
	}
	view := room.View{Room: v.Room, At: now(), Target: v.Role, TargetBanned: v.IsBanned, Link: &v.Link}
	if err := view.MayFollow(); err != nil {
		return nil, err
	}
	shown := plain(v.Room)
	shown.Creator = s.directory.Names(ctx, []ids.User{v.Room.Creator})[v.Room.Creator]
	return &roomsv1.LinkPreview{Room: shown, IsMember: v.Role != role.None, ExpiresAt: timestamppb.New(v.Link.ExpiresAt)}, nil
}

// JoinByLink makes the caller a member.
func (s *Service) JoinByLink(ctx context.Context, req *roomsv1.JoinByLinkRequest) (*chatv1.Room, error) {
	user, me, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	v, err := s.link(ctx, req.GetToken(), user)
	if err != nil {
		return nil, err
	}
	r, err := s.change(ctx, store.By{Room: v.Room.ID, Actor: user, Target: user, Link: v.Link.ID}, s.limits.JoinByLink(me))
	if err != nil {
		return nil, err
	}
	return s.show(ctx, r)
}

func (s *Service) link(ctx context.Context, token string, viewer ids.User) (store.LinkView, error) {
	hash, err := room.ParseLinkToken(token)
	if err != nil {
		return store.LinkView{}, err
	}
	return s.store.Link(ctx, hash, viewer, now())
}

func showLink(l room.Link, by *chatv1.UserRef) *roomsv1.RoomLink {
	return &roomsv1.RoomLink{
		Id: l.ID.String(), RoomId: l.Room.String(), CreatedBy: by, MaxUses: l.MaxUses, Uses: l.Uses,
		CreatedAt: timestamppb.New(l.CreatedAt), ExpiresAt: timestamppb.New(l.ExpiresAt),
	}
}

func parseLink(field, s string) (ids.RoomLink, error) {
	id, err := ids.ParseRoomLink(s)
	if err != nil {
		return id, fault.Invalid(field, "not the id of a link")
	}
	return id, nil
}
