package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/edge-gateway/internal/batch"

	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// What people who connect ask for: it comes from the services' memories where it can, and goes there in batches, so that
// it is cheap when all of them connect at once.
const (
	// batchesAtOnce is how many batches of a kind are under way: a slow one does not hold up all others.
	batchesAtOnce = 2
	// usersPerBatch is the limit of BatchListMemberships, roomsPerBatch that of BatchGetHeads.
	usersPerBatch, roomsPerBatch = 100, 2000
)

// batches gathers calls.
type batches struct {
	memberships *batch.Group[ids.User, *roomsv1.ListMembershipsResponse]
	heads       *batch.Group[*messagestorev1.GetHeadsRequest, *messagestorev1.GetHeadsResponse]
}

func newBatches(c *rpc.Client) batches {
	listMemberships := func(ctx context.Context, users []ids.User) ([]*roomsv1.ListMembershipsResponse, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		req := &roomsv1.BatchListMembershipsRequest{UserIds: texts(users)}
		res, err := rpc.Call[*roomsv1.BatchListMembershipsResponse](ctx, c, serviceRooms, "BatchListMemberships", req)
		if n := len(res.GetUsers()); err == nil && (n == 0 || n > len(users)) {
			err = fault.E(fault.Internal, "BatchListMemberships", errors.New("not the users that were asked for"))
		}
		return res.GetUsers(), err
	}
	getHeads := func(ctx context.Context, requests []*messagestorev1.GetHeadsRequest) ([]*messagestorev1.GetHeadsResponse, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		req := &messagestorev1.BatchGetHeadsRequest{Requests: requests}
		res, err := rpc.Call[*messagestorev1.BatchGetHeadsResponse](ctx, c, serviceStore, "BatchGetHeads", req)
		if err == nil && len(res.GetResponses()) != len(requests) {
			err = fault.E(fault.Internal, "BatchGetHeads", errors.New("not the heads that were asked for"))
		}
		return res.GetResponses(), err
	}
	return batches{
		memberships: batch.New(batchesAtOnce, usersPerBatch, func(ids.User) int { return 1 }, listMemberships),
		heads:       batch.New(batchesAtOnce, roomsPerBatch, func(r *messagestorev1.GetHeadsRequest) int { return len(r.GetRoomIds()) }, getHeads),
	}
}

// KnownMemberships is Memberships of all rooms, of a moment ago, maybe: each was true at the version that it has. That a
// room's log is further says that it has to be asked for again; a room that the user has just joined may be missing, but
// then a user event follows.
func (s *Services) KnownMemberships(ctx context.Context, user ids.User) ([]Membership, error) {
	page, err := do(ctx, s.batches.memberships, user)
	switch {
	case err != nil:
		return nil, err
	case page.GetMore():
		return s.Memberships(ctx, user, ids.Room{})
	}
	return memberships(nil, page)
}

// KnownHeadsOf is HeadsOf with markers of a moment ago, maybe.
func (s *Services) KnownHeadsOf(ctx context.Context, user ids.User, rooms []ids.Room) (map[ids.Room]*messagestorev1.Head, error) {
	return headsOf(user, rooms, func(req *messagestorev1.GetHeadsRequest) (*messagestorev1.GetHeadsResponse, error) {
		return do(ctx, s.batches.heads, req)
	})
}

func do[Req, Res any](ctx context.Context, g *batch.Group[Req, Res], req Req) (Res, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := g.Do(ctx, req)
	if err != nil && ctx.Err() != nil {
		err = fault.New(fault.Unavailable, "the service is not available right now; try again").WithRetryAfter(time.Second).WithCause("batch", err)
	}
	return res, err
}
