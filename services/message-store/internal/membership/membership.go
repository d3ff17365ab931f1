// Package membership asks the rooms service what a room is and who is in it.
package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/room"
)

// maxStarts is how often a snapshot of several pages begins anew because the room changed meanwhile.
const maxStarts = 5

// Client gets snapshots. It is safe for concurrent use.
type Client struct{ rpc *rpc.Client }

// NewClient returns a client over this connection.
func NewClient(c *rpc.Client) *Client { return &Client{rpc: c} }

// Snapshot returns what a room is and the changes above logVersion. NotFound: there is no such room. Unavailable:
// rooms does not answer, or the room changes faster than it can be read.
func (c *Client) Snapshot(ctx context.Context, in ids.Room, logVersion uint32) (pipeline.Snapshot, error) {
	for range maxStarts {
		snapshot, whole, err := c.read(ctx, in, logVersion)
		if err != nil || whole {
			return snapshot, err
		}
	}
	return pipeline.Snapshot{}, fault.New(fault.Unavailable, "the room changes too fast; try again")
}

// read reads all pages; whole is false when the room changed in between.
func (c *Client) read(ctx context.Context, in ids.Room, logVersion uint32) (s pipeline.Snapshot, whole bool, err error) {
	req := &roomsv1.GetSnapshotRequest{RoomId: in.String(), LogVersion: logVersion}
	s.Members = map[ids.User]room.Member{}
	for first := true; ; first = false {
		page, err := rpc.Call[*roomsv1.GetSnapshotResponse](ctx, c.rpc, "rooms", "GetSnapshot", req)
		if err != nil {
			return s, false, err
		}
		if first {
			s.Version, s.Pending, s.Settings = page.GetVersion(), page.GetPending(), settings(page.GetRoom())
		} else if page.GetVersion() != s.Version {
			return s, false, nil
		}
		var last ids.User
		for _, m := range page.GetMembers() {
			if len(m.GetUserId()) != len(last) {
				return s, false, fault.E(fault.Internal, "rooms.GetSnapshot", fmt.Errorf("a user id of %d bytes", len(m.GetUserId())))
			}
			last = ids.User(m.GetUserId())
			s.Members[last] = room.Member{Role: role.Role(m.GetRole()), MutedUntil: m.GetMutedUntil()}
		}
		if !page.GetMore() || len(page.GetMembers()) == 0 {
			return s, true, nil
		}
		req.After = last.String()
	}
}

// settings are the rules of a room.
func settings(r *chatv1.Room) room.Settings {
	return room.Settings{
		Kind: role.Kind(r.GetKind()), Archived: r.GetIsArchived(), Announcement: r.GetIsAnnouncement(),
		SlowMode: time.Duration(r.GetSlowModeSeconds()) * time.Second,
	}
}

// Rooms returns the rooms that a user is in.
func (c *Client) Rooms(ctx context.Context, user ids.User) (rooms []ids.Room, err error) {
	err = c.each(ctx, user, func(in ids.Room, _ *chatv1.Room) { rooms = append(rooms, in) })
	return rooms, err
}

// RoomNames returns the rooms that a user is in, with what they are called: a direct conversation is not.
func (c *Client) RoomNames(ctx context.Context, user ids.User) (map[ids.Room]string, error) {
	names := map[ids.Room]string{}
	err := c.each(ctx, user, func(in ids.Room, room *chatv1.Room) { names[in] = room.GetName() })
	return names, err
}

// each calls fn for each of the rooms that a user is in.
func (c *Client) each(ctx context.Context, user ids.User, fn func(ids.Room, *chatv1.Room)) error {
	req := &roomsv1.ListMembershipsRequest{UserId: user.String()}
	for {
		page, err := rpc.Call[*roomsv1.ListMembershipsResponse](ctx, c.rpc, "rooms", "ListMemberships", req)
		if err != nil {
			return err
		}
		for _, m := range page.GetMemberships() {
			id, err := ids.ParseRoom(m.GetRoom().GetId())
			if err != nil {
				return fault.E(fault.Internal, "rooms.ListMemberships", err)
			}
			req.After = id.String()
			fn(id, m.GetRoom())
		}
		if !page.GetMore() || len(page.GetMemberships()) == 0 {
			return nil
		}
	}
}
