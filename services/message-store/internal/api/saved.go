package api

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// SaveMessage saves a message for the caller, and tells their devices.
func (a *API) SaveMessage(ctx context.Context, req *storev1.SaveMessageRequest) (*storev1.SaveMessageResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	m, err := a.message(ctx, req.GetRoomId(), req.GetSeq())
	if err != nil {
		return nil, err
	}
	if m.DeletedSeq != 0 {
		return nil, &fault.Fault{Code: fault.NotFound, Message: "the message was deleted", Field: "seq"}
	}
	saved := store.Saved{User: caller.User, Ref: store.Ref{Room: m.Event.Room, Seq: m.Event.Seq}, ID: ids.New[ids.Saved]()}
	isNew, err := a.Log.Save(ctx, saved, a.MaxSaved)
	if errors.Is(err, store.ErrFull) {
		if err := a.unsaveLeft(ctx, caller.User); err != nil {
			return nil, err
		}
		isNew, err = a.Log.Save(ctx, saved, a.MaxSaved)
	}
	switch {
	case errors.Is(err, store.ErrFull):
		return nil, &fault.Fault{Code: fault.ResourceExhausted, Message: "you have saved as many messages as you may", Field: "seq"}
	case err != nil:
		return nil, err
	case isNew:
		a.tellSaved(caller.User, saved.Ref, false)
	}
	return &storev1.SaveMessageResponse{}, nil
}

// UnsaveMessage takes that back. The caller need not be in the room any longer.
func (a *API) UnsaveMessage(ctx context.Context, req *storev1.UnsaveMessageRequest) (*storev1.UnsaveMessageResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	in, err := parseRoom(req.GetRoomId())
	if err != nil {
		return nil, err
	}
	m := store.Ref{Room: in, Seq: req.GetSeq()}
	was, err := a.Log.Unsave(ctx, caller.User, m)
	if err != nil {
		return nil, err
	}
	if was {
		a.tellSaved(caller.User, m, true)
	}
	return &storev1.UnsaveMessageResponse{}, nil
}

// tellSaved tells the devices of a user. What is lost they see when they ask for the list.
func (a *API) tellSaved(user ids.User, m store.Ref, removed bool) {
	data, err := proto.Marshal(&busv1.UserEvent{Event: &busv1.UserEvent_Saved{
		Saved: &clientv1.SavedChanged{RoomId: m.Room.String(), Seq: m.Seq, Removed: removed},
	}})
	if err == nil {
		_ = a.Bus.Publish(subject.UserEvent(user), data)
	}
}

// ListSaved returns what the caller saved in rooms that they are in.
func (a *API) ListSaved(ctx context.Context, req *storev1.ListSavedRequest) (*storev1.ListSavedResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	before := store.BeyondSaved()
	if req.GetBefore() != "" {
		if before, err = ids.ParseSaved(req.GetBefore()); err != nil {
			return nil, fault.Invalid("before", "%v", err)
		}
	}
	visible, more, err := a.visibleSaved(ctx, caller.User, before, limit)
	if err != nil {
		return nil, err
	}
	res, err := a.showSaved(ctx, visible)
	if err != nil {
		return nil, err
	}
	res.More = more
	if n := fitting(res.GetSaved()); n < len(res.GetSaved()) {
		res.Saved, res.More = res.GetSaved()[:n], true
	}
	return res, nil
}

// visibleSaved reads on until it has found a page of messages in rooms that the user is in.
func (a *API) visibleSaved(ctx context.Context, user ids.User, before ids.Saved, limit int) (visible []store.Saved, more bool, err error) {
	isIn := map[ids.Room]bool{}
	for {
		list, err := a.Log.Saved(ctx, user, before, maxPage)
		if err != nil {
			return nil, false, err
		}
		if err := a.learnRooms(ctx, user, list, isIn); err != nil {
			return nil, false, err
		}
		for _, s := range list {
			before = s.ID
			switch {
			case !isIn[s.Room]:
			case len(visible) == limit:
				return visible, true, nil
			default:
				visible = append(visible, s)
			}
		}
		if len(list) < maxPage {
			return visible, false, nil
		}
	}
}

// showSaved is saved messages as they are now.
func (a *API) showSaved(ctx context.Context, saved []store.Saved) (*storev1.ListSavedResponse, error) {
	refs := make([]store.Ref, len(saved))
	for i, s := range saved {
		refs[i] = s.Ref
	}
	found, err := a.Log.Targets(ctx, refs)
	if err != nil {
		return nil, err
	}
	var messages []*store.Message
	res := &storev1.ListSavedResponse{}
	for _, s := range saved {
		if m := found[s.Ref]; m != nil {
			messages = append(messages, m)
			res.Saved = append(res.Saved, &storev1.Saved{Id: s.ID.String(), SavedAt: timestamppb.New(s.ID.Time())})
		}
	}
	shown, err := a.show(ctx, messages)
	for i, m := range shown {
		res.Saved[i].Message = m
	}
	return res, err
}

// unsaveLeft makes room: it forgets what a user saved in rooms that they are no longer in, and so cannot see.
func (a *API) unsaveLeft(ctx context.Context, user ids.User) error {
	list, err := a.Log.Saved(ctx, user, store.BeyondSaved(), a.MaxSaved)
	if err != nil {
		return err
	}
	isIn := map[ids.Room]bool{}
	if err := a.learnRooms(ctx, user, list, isIn); err != nil {
		return err
	}
	for in, is := range isIn {
		if is {
			continue
		}
		if err := a.Log.UnsaveRoom(ctx, user, in); err != nil {
			return err
		}
	}
	return nil
}

// learnRooms finds out in which of the rooms that isIn does not say yet a user is.
func (a *API) learnRooms(ctx context.Context, user ids.User, saved []store.Saved, isIn map[ids.Room]bool) error {
	var rooms []ids.Room
	for _, s := range saved {
		if _, known := isIn[s.Room]; !known {
			isIn[s.Room] = false
			rooms = append(rooms, s.Room)
		}
	}
	heads, err := a.Pipeline.Heads(ctx, rooms, a.owns, time.Now())
	if err != nil {
		return err
	}
	theirs, err := a.roomsOf(ctx, user, heads)
	for room := range theirs {
		isIn[room] = true
	}
	return err
}
