package service

import (
	"context"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

const (
	// MaxMemberships is how many memberships of a user one page has.
	MaxMemberships = 200
	// maxBatch is how many users may be asked for at once.
	maxBatch = 100
	// A snapshot is a reply of at most 512 KiB: the room, members (10,000 fit while few are muted), and pending changes.
	maxSnapshotMembers = 10_000
	maxMemberBytes     = 310 << 10
	maxPendingBytes    = 180 << 10
)

// ListMemberships returns the rooms of a user, or the one asked for if they are in it, to the gateway. It reads the
// database, always.
func (s *Service) ListMemberships(ctx context.Context, req *roomsv1.ListMembershipsRequest) (*roomsv1.ListMembershipsResponse, error) {
	user, err := parseUser("userId", req.GetUserId())
	if err != nil {
		return nil, err
	}
	after, err := afterRoom(req.GetAfter())
	if err != nil {
		return nil, err
	}
	limit, err := parseLimit(req.GetLimit(), MaxMemberships, MaxMemberships)
	if err != nil {
		return nil, err
	}
	var found []room.Membership
	switch {
	case req.GetRoomId() != "":
		found, err = s.membership(ctx, user, req.GetRoomId())
	case after.IsZero() && limit == MaxMemberships:
		found, err = s.known.Read(ctx, user)
	default:
		found, err = s.store.Memberships(ctx, user, after, limit+1)
	}
	if err != nil {
		return nil, err
	}
	return membershipsPage(found, limit, s.creators(ctx, found)), nil
}

// BatchListMemberships returns the first page of the rooms of each user to the gateway, from memory where it can.
func (s *Service) BatchListMemberships(ctx context.Context, req *roomsv1.BatchListMembershipsRequest) (*roomsv1.BatchListMembershipsResponse, error) {
	if n := len(req.GetUserIds()); n == 0 || n > maxBatch {
		return nil, fault.Invalid("userIds", "must be 1 to %d", maxBatch)
	}
	users := make([]ids.User, len(req.GetUserIds()))
	for i, text := range req.GetUserIds() {
		var err error
		if users[i], err = parseUser("userIds", text); err != nil {
			return nil, err
		}
	}
	found, err := s.known.Of(ctx, users)
	if err != nil {
		return nil, err
	}
	names := s.creators(ctx, slices.Concat(slices.Collect(maps.Values(found))...))
	res, size := &roomsv1.BatchListMembershipsResponse{}, 0
	for _, user := range users {
		page := membershipsPage(found[user], MaxMemberships, names)
		if size += proto.Size(page); size > maxShown && len(res.GetUsers()) > 0 {
			break
		}
		res.Users = append(res.Users, page)
	}
	return res, nil
}

// creators are the names of those who made the rooms, and of the two in direct conversations.
func (s *Service) creators(ctx context.Context, list []room.Membership) map[ids.User]*chatv1.UserRef {
	var users []ids.User
	for _, m := range list {
		users = append(append(users, m.Room.Creator), m.Room.Pair.People()...)
	}
	return s.directory.Names(ctx, users)
}

// membershipsPage is a page of at most limit; found may have one more, to show that there is.
func membershipsPage(found []room.Membership, limit int, names map[ids.User]*chatv1.UserRef) *roomsv1.ListMembershipsResponse {
	res := &roomsv1.ListMembershipsResponse{More: len(found) > limit}
	for _, m := range found[:min(limit, len(found))] {
		shown := plain(m.Room)
		shown.Creator = names[m.Room.Creator]
		for _, user := range m.Room.Pair.People() { // such a room has no name but theirs
			shown.Members = append(shown.Members, names[user])
		}
		res.Memberships = append(res.Memberships, &roomsv1.Membership{
			Room: shown, Role: string(m.Role), Version: m.Room.Version, MutedUntil: until(m.MutedUntil),
			Preferences: preferences(m.Preferences),
		})
	}
	return res
}

// membership is the one membership asked for; none when there is no such room, or the user is not in it.
func (s *Service) membership(ctx context.Context, user ids.User, roomID string) ([]room.Membership, error) {
	id, err := parseRoom("roomId", roomID)
	if err != nil {
		return nil, err
	}
	m, err := s.store.Room(ctx, id, user)
	if fault.CodeOf(err) == fault.NotFound || err == nil && m.Role == role.None {
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
	res := &roomsv1.GetSnapshotResponse{Version: snap.Room.Version, Room: plain(snap.Room)}
	size := 0
	for _, m := range snap.Members {
		shown := &roomsv1.SnapshotMember{UserId: m.User[:], Role: string(m.Role)}
		if !m.MutedUntil.IsZero() {
			shown.MutedUntil = m.MutedUntil.UnixMilli()
		}
		const frame = 2 // bytes around each of a list
		if size += proto.Size(shown) + frame; size > maxMemberBytes || len(res.Members) == maxSnapshotMembers {
			res.More = true
			break
		}
		res.Members = append(res.Members, shown)
	}
	size = 0
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
	next := snap.Room.Version + 1
	if len(snap.Pending) > 0 {
		next = snap.Pending[0].Version
	}
	if next != logVersion+1 {
		s.log.Warn("the outbox does not go on where the log of a room ends",
			"room", id, "log_version", logVersion, "next_version", next, "version", snap.Room.Version)
	}
}
