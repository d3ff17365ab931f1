package api

import (
	"context"
	"math"

	"github.com/natter-chat/natter/pkg/ids"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// ListThreads returns the roots of a room's threads to a member of the room.
func (a *API) ListThreads(ctx context.Context, req *storev1.ListThreadsRequest) (*storev1.ListThreadsResponse, error) {
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	in, err := a.roomOfMember(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	before := req.GetBefore()
	if before == 0 {
		before = math.MaxUint32
	}
	page, err := a.Log.Threads(ctx, in, before, limit)
	if err != nil {
		return nil, err
	}
	res := &storev1.ListThreadsResponse{More: page.More}
	if res.Messages, err = a.show(ctx, page.Messages); err != nil {
		return nil, err
	}
	if n := fitting(res.GetMessages()); n < len(res.GetMessages()) {
		res.Messages, res.More = res.GetMessages()[:n], true
	}
	return res, nil
}

// page reads the messages that are asked for: those that stand in the room itself, or the replies in a thread.
func (a *API) page(ctx context.Context, in ids.Room, req *storev1.ListMessagesRequest, limit int) (store.Page, error) {
	before := uint32(math.MaxUint32)
	if req.Before != nil {
		before = req.GetBefore()
	}
	thread := store.Ref{Room: in, Seq: req.GetThread()}
	switch {
	case thread.Seq > 0 && req.After != nil:
		return a.Log.RepliesAfter(ctx, thread, req.GetAfter(), limit)
	case thread.Seq > 0:
		return a.Log.RepliesBefore(ctx, thread, before, limit)
	case req.After != nil:
		return a.Log.MessagesAfter(ctx, in, req.GetAfter(), limit)
	}
	return a.Log.MessagesBefore(ctx, in, before, limit)
}
