package api

import (
	"context"
	"strconv"
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// ListMentions returns the messages that call the caller, in the rooms that they are in now.
func (a *API) ListMentions(ctx context.Context, req *storev1.ListMentionsRequest) (*storev1.ListMentionsResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	before, err := a.mentionAt(ctx, req.GetBefore())
	if err != nil {
		return nil, err
	}
	rooms, err := a.Rooms.Rooms(ctx, caller.User)
	if err != nil {
		return nil, err
	}
	messages, err := a.mentions(ctx, caller.User, rooms, before, limit)
	if err != nil {
		return nil, err
	}
	shown, err := a.show(ctx, messages)
	if err != nil {
		return nil, err
	}
	return &storev1.ListMentionsResponse{Messages: shown[:fitting(shown)]}, nil
}

// mentions reads on until a page is full: a message that was edited or deleted since it was found is not in it, and a page
// that is not full would look like the last.
func (a *API) mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]*store.Message, error) {
	var messages []*store.Message
	for {
		page, err := a.Log.Mentions(ctx, user, rooms, before, limit)
		if err != nil || len(page) == 0 {
			return messages, err
		}
		refs := make([]store.Ref, len(page))
		for i, at := range page {
			refs[i] = at.Ref
		}
		found, err := a.Log.Targets(ctx, refs)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if m := found[ref]; m != nil && m.IsCalling(user) && len(messages) < limit {
				messages = append(messages, m)
			}
		}
		if len(messages) == limit || len(page) < limit {
			return messages, nil
		}
		before = page[len(page)-1]
	}
}

// mentionAt is the place of a message with an _id; none: beyond the newest.
func (a *API) mentionAt(ctx context.Context, id string) (store.MentionAt, error) {
	if id == "" {
		return store.MentionAt{}, nil
	}
	unknown := fault.Invalid("before", "is not the _id of a message")
	in, number, _ := strings.Cut(id, ":")
	room, err := ids.ParseRoom(in)
	if err != nil {
		return store.MentionAt{}, unknown
	}
	seq, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return store.MentionAt{}, unknown
	}
	ref := store.Ref{Room: room, Seq: uint32(seq)}
	found, err := a.Log.Targets(ctx, []store.Ref{ref})
	if err != nil {
		return store.MentionAt{}, err
	}
	if found[ref] == nil {
		return store.MentionAt{}, unknown
	}
	return store.MentionAt{CreatedAt: found[ref].Event.CreatedAt, Ref: ref}, nil
}
