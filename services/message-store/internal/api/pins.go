package api

import (
	"context"
	"math"
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// ListPins returns the pinned messages of a room to a member.
func (a *API) ListPins(ctx context.Context, req *storev1.ListPinsRequest) (*storev1.ListPinsResponse, error) {
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	in, err := a.roomOfMember(ctx, req.GetRoomId())
	if err != nil {
		return nil, err
	}
	before := uint32(math.MaxUint32)
	if req.GetBefore() > 0 {
		before = req.GetBefore()
	}
	page, err := a.Log.Pins(ctx, in, before, limit)
	if err != nil {
		return nil, err
	}
	shown, err := a.show(ctx, page.Messages)
	if err != nil {
		return nil, err
	}
	by, err := a.pinnedBy(ctx, in, page.Messages)
	if err != nil {
		return nil, err
	}
	res := &storev1.ListPinsResponse{More: page.More}
	for i, m := range page.Messages {
		res.Pins = append(res.Pins, &storev1.Pin{Seq: m.PinnedSeq, PinnedAt: wire.Time(m.PinnedAt), PinnedBy: by[m.PinnedSeq], Message: shown[i]})
	}
	if n := fitting(res.GetPins()); n < len(res.GetPins()) {
		res.Pins, res.More = res.GetPins()[:n], true
	}
	return res, nil
}

// pinnedBy is who pinned messages, by the seq of the pin.
func (a *API) pinnedBy(ctx context.Context, in ids.Room, pinned []*store.Message) (map[uint32]*chatv1.UserRef, error) {
	seqs := make([]uint32, len(pinned))
	for i, m := range pinned {
		seqs[i] = m.PinnedSeq
	}
	slices.Sort(seqs)
	pins, err := a.Log.EventsAt(ctx, in, seqs)
	if err != nil {
		return nil, err
	}
	users := make([]ids.User, len(pins))
	for i, e := range pins {
		users[i] = e.Actor.User
	}
	names := a.People.Names(ctx, users)
	by := make(map[uint32]*chatv1.UserRef, len(pins))
	for _, e := range pins {
		by[e.Seq] = person(names, e.Actor)
	}
	return by, nil
}
