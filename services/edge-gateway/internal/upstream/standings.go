package upstream

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// Standings returns what auth knows of up to 500 users.
func (s *Services) Standings(ctx context.Context, users []ids.User) (map[ids.User]presence.Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req := &authv1.ListStandingsRequest{}
	for _, id := range users {
		req.UserIds = append(req.UserIds, id.String())
	}
	res, err := rpc.Call[*authv1.ListStandingsResponse](ctx, s.rpc, serviceAuth, "ListStandings", req)
	if err != nil {
		return nil, err
	}
	known := make(map[ids.User]presence.Standing, len(res.GetStandings()))
	for _, is := range res.GetStandings() {
		id, err := ids.ParseUser(is.GetUserId())
		if err != nil {
			return nil, err
		}
		standing := presence.Standing{Status: is.GetStatus()}
		if is.GetLastSeen() != nil {
			standing.LastSeen = is.GetLastSeen().AsTime()
		}
		known[id] = standing
	}
	return known, nil
}

// RecordSeen tells auth when up to 500 users were last online.
func (s *Services) RecordSeen(ctx context.Context, seen map[ids.User]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req := &authv1.RecordSeenRequest{}
	for id, at := range seen {
		req.Seen = append(req.Seen, &authv1.Seen{UserId: id.String(), At: timestamppb.New(at)})
	}
	_, err := rpc.Call[*authv1.RecordSeenResponse](ctx, s.rpc, serviceAuth, "RecordSeen", req)
	return err
}
