package service

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

const (
	maxMembershipsPage = 200
	// A snapshot is a reply of at most 512 KiB: members of 31 bytes at most, and pending changes.
	maxSnapshotMembers = 10_000
	maxPendingBytes    = 180 << 10
)

// ListMemberships returns the rooms of a user, or the one asked for if they are in it, to the gateway.
func (s *Service) ListMemberships(ctx context.Context, req *roomsv1.ListMembershipsRequest) (*roomsv1.ListMembershipsResponse, error) {
	user, err := parseUser("userId", req.GetUserId())
	if err != nil {
		return nil, err
	}
	after, err := afterRoom(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), maxMembershipsPage, maxMembershipsPage)
	if err != nil {
		return nil, err
	}
	var found []room.Membership
	if req.GetRoomId() != "" {
		found, err = s.membership(ctx, user, req.GetRoomId())
	} else {
		found, err = s.store.Memberships(ctx, user, after, limit+1)
	}
	if err != nil {
		return nil, err
	}
	res := &roomsv1.ListMembershipsResponse{More: len(found) > limit}
	found = found[:min(limit, len(found))]
	creators := make([]ids.User, len(found))
	for i, m := range found {
		creators[i] = m.Room.Creator
	}
	names := s.directory.Names(ctx, creators)
	for _, m := range found {
		shown := plain(m.Room)
		shown.Creator = names[m.Room.Creator]
		res.Memberships = append(res.Memberships, &roomsv1.Membership{Room: shown, Role: string(m.Role), Version: m.Room.Version})
	}
	return res, nil
}

// membership is the one membership asked for; none when there is no such room, or the user is not in it.
func (s *Service) membership(ctx context.Context, user ids.User, roomID string) ([]room.Membership, error) {
	id, err := parseRoom("roomId", roomID)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Room(ctx, id, user)
	if fault.CodeOf(err) == fault.NotFound || err == nil && m.Role == "" {
		return nil, nil
	}
	return []room.Membership{m}, err
}

// GetSnapshot returns a room's members and pending changes to message-store.
func (s *Service) GetSnapshot(ctx context.Context, req *roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
	id, err := parseRoom("roomId", req.GetRoomId())
	if err != nil {
		return nil, err
	}
	after, err := afterUser(req.GetAfter())
	if err != nil {
		return nil, err
	}
	snap, err := s.store.Snapshot(ctx, id, req.GetLogVersion(), after, maxSnapshotMembers+1)
	if err != nil {
		return nil, err
	}
	if after.IsZero() {
		s.checkPending(id, req.GetLogVersion(), snap)
	} else {
		snap.Pending = nil // they were on the first page
	}
	return snapshotPage(snap)
}

// snapshotPage puts as much of a snapshot into a reply as fits.
func snapshotPage(snap store.Snapshot) (*roomsv1.GetSnapshotResponse, error) {
	res := &roomsv1.GetSnapshotResponse{Version: snap.Version, More: len(snap.Members) > maxSnapshotMembers}
	for _, m := range snap.Members[:min(maxSnapshotMembers, len(snap.Members))] {
		res.Members = append(res.Members, &roomsv1.SnapshotMember{UserId: m.User[:], Role: string(m.Role)})
	}
	size := 0
	for _, p := range snap.Pending {
		if size += len(p.Command); size > maxPendingBytes {
			break
		}
		var c busv1.Command
		if err := proto.Unmarshal(p.Command, &c); err != nil {
			return nil, fault.E(fault.Internal, "rooms.GetSnapshot", err)
		}
		res.Pending = append(res.Pending, &c)
	}
	return res, nil
}

// checkPending reports when the outbox does not go on where the log ends. It may be that the log got the next changes
// between its reading and this one; if it stays, one of the two databases was restored to an older state.
func (s *Service) checkPending(id ids.Room, logVersion uint32, snap store.Snapshot) {
	next := snap.Version + 1
	if len(snap.Pending) > 0 {
		next = snap.Pending[0].Version
	}
	if next != logVersion+1 {
		s.log.Warn("the outbox does not go on where the log of a room ends",
			"room", id, "log_version", logVersion, "next_version", next, "version", snap.Version)
	}
}
