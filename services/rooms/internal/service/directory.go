package service

import (
	"context"
	"encoding/base64"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

// ListDirectory returns a page of the public rooms.
func (s *Service) ListDirectory(ctx context.Context, req *roomsv1.ListDirectoryRequest) (*roomsv1.ListDirectoryResponse, error) {
	user, _, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	query, err := room.Query(req.GetQuery())
	if err != nil {
		return nil, err
	}
	after, err := parsePosition(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), accessPage, maxAccessPage)
	if err != nil {
		return nil, err
	}
	found, err := s.store.Directory(ctx, user, query, after, limit+1)
	if err != nil {
		return nil, err
	}
	res := &roomsv1.ListDirectoryResponse{}
	if len(found) > limit {
		found = found[:limit]
		res.Next = formatPosition(found[limit-1].Position)
	}
	creators := make([]ids.User, len(found))
	for i, l := range found {
		creators[i] = l.Room.Creator
	}
	names := s.directory.Names(ctx, creators)
	for _, l := range found {
		shown := plain(l.Room)
		shown.Creator = names[l.Room.Creator]
		res.Rooms = append(res.Rooms, &roomsv1.DirectoryEntry{Room: shown, IsMember: l.IsMember})
	}
	return res, nil
}

// A position travels as base64url of the id's 16 bytes and the name.
func formatPosition(p room.Position) string {
	return base64.RawURLEncoding.EncodeToString(append(p.ID[:], p.SortName...))
}

// parsePosition reads the field after; empty is the beginning.
func parsePosition(s string) (p room.Position, err error) {
	if s == "" {
		return p, nil
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(data) <= len(p.ID) {
		return p, fault.Invalid("after", "not the next of a page")
	}
	copy(p.ID[:], data)
	p.SortName = string(data[len(p.ID):])
	return p, room.CheckSortName(p.SortName)
}
