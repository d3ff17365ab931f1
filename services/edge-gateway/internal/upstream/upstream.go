// Package upstream is the services behind the gateway, as typed calls: rooms for membership, message-store for logs,
// auth for keys.
package upstream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

const (
	// patience is how long one call may take: shorter than a client's own.
	patience = 3 * time.Second
	// eventsPerPage bounds a page of a room's log.
	eventsPerPage = 256
	// membershipsPerPage is the limit of ListMemberships.
	membershipsPerPage = 200
	// perCall is the limit of GetHeads and MoveMarkers.
	perCall = 500
)

// The services' names in subjects.
const (
	serviceAuth  = "auth"
	serviceRooms = "rooms"
	serviceStore = "message-store"
)

// Services calls them. It is safe for concurrent use. Its errors are faults; each call waits at most 3 s.
type Services struct {
	rpc     *rpc.Client
	batches batches
}

// New returns the services reached by this client.
func New(c *rpc.Client) *Services { return &Services{rpc: c, batches: newBatches(c)} }

// Membership is one room of a user.
type Membership struct {
	ID   ids.Room
	Room *chatv1.Room
	Role string
	// Version of the room when this was true.
	Version     uint32
	Preferences *clientv1.Preferences
	MutedUntil  *timestamppb.Timestamp // nil: not muted
}

// Memberships returns the rooms a user is in: all of them, or (only is not zero) just that one if they are.
func (s *Services) Memberships(ctx context.Context, user ids.User, only ids.Room) ([]Membership, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req := &roomsv1.ListMembershipsRequest{UserId: user.String(), Limit: membershipsPerPage}
	if !only.IsZero() {
		req.RoomId = only.String()
	}
	var all []Membership
	for {
		page, err := rpc.Call[*roomsv1.ListMembershipsResponse](ctx, s.rpc, serviceRooms, "ListMemberships", req)
		if err != nil {
			return nil, err
		}
		if all, err = memberships(all, page); err != nil || !page.GetMore() {
			return all, err
		}
		req.After = all[len(all)-1].ID.String()
	}
}

// memberships appends those of a page.
func memberships(all []Membership, page *roomsv1.ListMembershipsResponse) ([]Membership, error) {
	for _, m := range page.GetMemberships() {
		id, err := ids.ParseRoom(m.GetRoom().GetId())
		if err != nil {
			return nil, err
		}
		all = append(all, Membership{
			ID: id, Room: m.GetRoom(), Role: m.GetRole(), Version: m.GetVersion(), Preferences: m.GetPreferences(), MutedUntil: m.GetMutedUntil(),
		})
	}
	return all, nil
}

// HeadsOf returns the heads of rooms, with a user's markers in them; rooms without events are left out.
func (s *Services) HeadsOf(ctx context.Context, user ids.User, rooms []ids.Room) (map[ids.Room]*messagestorev1.Head, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return headsOf(user, rooms, func(req *messagestorev1.GetHeadsRequest) (*messagestorev1.GetHeadsResponse, error) {
		return rpc.Call[*messagestorev1.GetHeadsResponse](ctx, s.rpc, serviceStore, "GetHeads", req)
	})
}

type getHeads func(*messagestorev1.GetHeadsRequest) (*messagestorev1.GetHeadsResponse, error)

// headsOf gets the heads of rooms, as many at a time as one request may have.
func headsOf(user ids.User, rooms []ids.Room, get getHeads) (map[ids.Room]*messagestorev1.Head, error) {
	all := make(map[ids.Room]*messagestorev1.Head, len(rooms))
	for some := range slices.Chunk(rooms, perCall) {
		req := &messagestorev1.GetHeadsRequest{RoomIds: texts(some)}
		if !user.IsZero() {
			req.UserId = user.String()
		}
		res, err := get(req)
		if err != nil {
			return nil, err
		}
		for _, h := range res.GetHeads() {
			if room, err := ids.ParseRoom(h.GetRoomId()); err == nil {
				all[room] = h
			}
		}
	}
	return all, nil
}

// Heads returns the seq of the last event of each room that has any.
func (s *Services) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	heads, err := s.HeadsOf(ctx, ids.User{}, rooms)
	if err != nil {
		return nil, err
	}
	seqs := make(map[ids.Room]uint32, len(heads))
	for room, h := range heads {
		seqs[room] = h.GetSeq()
	}
	return seqs, nil
}

// Events returns a page of a room's events above a seq, in order; at least one if there is one.
func (s *Services) Events(ctx context.Context, room ids.Room, after uint32) ([]*chatv1.Event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req := &messagestorev1.GetEventsRequest{RoomId: room.String(), AfterSeq: after, Limit: eventsPerPage}
	res, err := rpc.Call[*messagestorev1.GetEventsResponse](ctx, s.rpc, serviceStore, "GetEvents", req)
	return res.GetEvents(), err
}

// Messages returns a page of folded messages, as the caller in ctx may read them.
func (s *Services) Messages(ctx context.Context, req *messagestorev1.ListMessagesRequest) (*messagestorev1.ListMessagesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return rpc.Call[*messagestorev1.ListMessagesResponse](ctx, s.rpc, serviceStore, "ListMessages", req)
}

// MoveMarkers moves a user's markers, in this order.
func (s *Services) MoveMarkers(ctx context.Context, user ids.User, moves []*messagestorev1.Marker) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for some := range slices.Chunk(moves, perCall) {
		req := &messagestorev1.MoveMarkersRequest{UserId: user.String(), Markers: some}
		if _, err := rpc.Call[*messagestorev1.MoveMarkersResponse](ctx, s.rpc, serviceStore, "MoveMarkers", req); err != nil {
			return err
		}
	}
	return nil
}

// Epoch is the server's epoch: it changes when a backup is restored.
func (s *Services) Epoch(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := rpc.Call[*messagestorev1.GetMetaResponse](ctx, s.rpc, serviceStore, "GetMeta", &messagestorev1.GetMetaRequest{})
	return res.GetEpoch(), err
}

// Keys is the JWK set that access tokens are verified with.
func (s *Services) Keys(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := rpc.Call[*authv1.GetKeysResponse](ctx, s.rpc, serviceAuth, "GetKeys", &authv1.GetKeysRequest{})
	return res.GetJwks(), err
}

// CheckToken says whose API token has this SHA-256; Unauthenticated when there is no good one.
func (s *Services) CheckToken(ctx context.Context, hash []byte) (*authv1.CheckTokenResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return rpc.Call[*authv1.CheckTokenResponse](ctx, s.rpc, serviceAuth, "CheckToken", &authv1.CheckTokenRequest{Hash: hash})
}

// Revoked is a page of the sessions that ended before their time, above a session id.
func (s *Services) Revoked(ctx context.Context, after string) (*authv1.ListRevokedResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return rpc.Call[*authv1.ListRevokedResponse](ctx, s.rpc, serviceAuth, "ListRevoked", &authv1.ListRevokedRequest{After: after})
}

// EndedTokens returns those of at most 1000 API tokens that are not good any more.
func (s *Services) EndedTokens(ctx context.Context, tokens []ids.Session) ([]ids.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := rpc.Call[*authv1.EndedTokensResponse](ctx, s.rpc, serviceAuth, "EndedTokens", &authv1.EndedTokensRequest{TokenIds: texts(tokens)})
	var ended []ids.Session
	for _, text := range res.GetTokenIds() {
		id, err := ids.ParseSession(text)
		if err != nil {
			return nil, fault.E(fault.Internal, "EndedTokens", err)
		}
		ended = append(ended, id)
	}
	return ended, err
}

func texts[ID fmt.Stringer](list []ID) []string {
	all := make([]string, len(list))
	for i, id := range list {
		all[i] = id.String()
	}
	return all
}
