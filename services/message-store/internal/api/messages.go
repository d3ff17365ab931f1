package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// GetMessage returns one message to a member of its room.
func (a *API) GetMessage(ctx context.Context, req *storev1.GetMessageRequest) (*chatv1.Message, error) {
	m, err := a.message(ctx, req.GetRoomId(), req.GetSeq())
	if err != nil {
		return nil, err
	}
	shown, err := a.show(ctx, []*store.Message{m})
	if err != nil {
		return nil, err
	}
	return shown[0], nil
}

// message is a message that the caller may see: InvalidArgument, PermissionDenied or NotFound if there is none.
func (a *API) message(ctx context.Context, roomID string, seq uint32) (*store.Message, error) {
	in, err := a.roomOfMember(ctx, roomID)
	if err != nil {
		return nil, err
	}
	return a.target(ctx, store.Ref{Room: in, Seq: seq})
}

// roomOfMember is a room that the caller is a member of.
func (a *API) roomOfMember(ctx context.Context, roomID string) (ids.Room, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return ids.Room{}, err
	}
	in, err := parseRoom(roomID)
	if err != nil {
		return in, err
	}
	return in, a.member(ctx, in, caller.User)
}

func (a *API) target(ctx context.Context, ref store.Ref) (*store.Message, error) {
	found, err := a.Log.Targets(ctx, []store.Ref{ref})
	if err != nil {
		return nil, err
	}
	if found[ref] == nil {
		return nil, &fault.Fault{Code: fault.NotFound, Message: "there is no such message", Field: "seq"}
	}
	return found[ref], nil
}

// ListEdits returns the contents that a message had.
func (a *API) ListEdits(ctx context.Context, req *storev1.ListEditsRequest) (*storev1.ListEditsResponse, error) {
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	m, err := a.message(ctx, req.GetRoomId(), req.GetSeq())
	if err != nil {
		return nil, err
	}
	seqs := append([]uint32{m.Event.Seq}, m.Edits...)
	seqs = slices.DeleteFunc(seqs, func(seq uint32) bool { return seq <= req.GetAfter() })
	res := &storev1.ListEditsResponse{More: len(seqs) > limit}
	events, err := a.Log.EventsAt(ctx, m.Event.Room, seqs[:min(limit, len(seqs))])
	if err != nil {
		return nil, err
	}
	// Once more: if it was deleted meanwhile, some of these contents are gone, and the others are to be.
	if m, err = a.target(ctx, store.Ref{Room: m.Event.Room, Seq: m.Event.Seq}); err != nil || m.DeletedSeq != 0 {
		return &storev1.ListEditsResponse{}, err
	}
	for _, e := range events {
		res.Edits = append(res.Edits, wire.Edit(e))
	}
	if n := fitting(res.GetEdits()); n < len(res.GetEdits()) {
		res.Edits, res.More = res.GetEdits()[:n], true
	}
	return res, nil
}

// fitting is how many of the messages, from the first on, fit a reply.
func fitting[M proto.Message](list []M) int { return within(list, maxReply) }

// within is how many of the messages, from the first on, take up to so many bytes of a reply.
func within[M proto.Message](list []M, most int) int {
	const framing = 8 // tag and length of a message in the reply
	size := 0
	for i, m := range list {
		if size += proto.Size(m) + framing; size > most {
			return i
		}
	}
	return len(list)
}
