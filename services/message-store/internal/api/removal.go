package api

import (
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// PurgeRoom wipes the log of a room whose last event is its deletion. Unavailable: it is not yet.
func (a *API) PurgeRoom(ctx context.Context, req *storev1.PurgeRoomRequest) (*storev1.PurgeRoomResponse, error) {
	in, err := parseRoom(req.GetRoomId())
	if err != nil {
		return nil, err
	}
	heads, err := a.Log.Heads(ctx, []ids.Room{in})
	if err != nil {
		return nil, err
	}
	deleted, err := a.Pipeline.Deleted(ctx, in, heads[in].Version)
	if err != nil {
		return nil, err
	}
	if !deleted {
		return nil, fault.New(fault.Unavailable, "the room's log does not end with its deletion")
	}
	return &storev1.PurgeRoomResponse{}, a.Log.Purge(ctx, in)
}
