package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// roleChecks bounds how many rooms one request loads at the same time.
const roleChecks = 8

// MoveMarkers moves markers of a user, in this order, in the rooms they are a member of, and leaves the others out.
func (a *API) MoveMarkers(ctx context.Context, req *storev1.MoveMarkersRequest) (*storev1.MoveMarkersResponse, error) {
	user, err := ids.ParseUser(req.GetUserId())
	if err != nil {
		return nil, fault.Invalid("userId", "%v", err)
	}
	moves, rooms, err := parseMoves(user, req.GetMarkers())
	if err != nil {
		return nil, err
	}
	asOf := time.Now()
	heads, err := a.Pipeline.Heads(ctx, rooms, a.owns, asOf)
	if err != nil {
		return nil, err
	}
	now, err := a.roomsOf(ctx, user, heads)
	if err != nil {
		return nil, err
	}
	moves = slices.DeleteFunc(moves, func(mv store.Move) bool {
		is, isMember := now[mv.Room]
		return !isMember || mv.Kind == store.MoveDelivered && is.Members > pipeline.MaxReceiptRoom // nobody is told
	})
	if err := a.Pipeline.MoveMarkers(ctx, moves, now); err != nil {
		return nil, err
	}
	rooms = slices.DeleteFunc(rooms, func(r ids.Room) bool { _, isMember := now[r]; return !isMember })
	readers := make([]store.Reader, len(rooms))
	for i, r := range rooms {
		readers[i] = store.Reader{User: user, Room: r}
	}
	markers, err := a.Markers.Remembered(ctx, readers)
	if err != nil {
		return nil, err
	}
	mentions, err := a.mentionsOf(ctx, readers, markers, heads, a.Mentions.Remembered, asOf)
	if err != nil {
		return nil, err
	}
	res := &storev1.MoveMarkersResponse{}
	for _, r := range readers {
		res.Heads = append(res.Heads, head(r.Room, heads[r.Room], markers[r], mentions[r]))
	}
	return res, nil
}

// parseMoves returns the moves that a user wishes, and the rooms they are in.
func parseMoves(user ids.User, wishes []*storev1.Marker) (moves []store.Move, rooms []ids.Room, err error) {
	if len(wishes) > maxRooms {
		return nil, nil, fault.Invalid("markers", "are more than %d", maxRooms)
	}
	for _, w := range wishes {
		r, err := parseRoom(w.GetRoomId())
		if err != nil {
			return nil, nil, err
		}
		mv := store.Move{Reader: store.Reader{User: user, Room: r, Thread: w.GetThread()}, Seq: w.GetSeq(), Rev: w.GetRev()}
		switch {
		case w.GetThread() != 0 && (w.GetUnread() || w.GetDelivered()):
			return nil, nil, fault.Invalid("thread", "can only be read")
		case w.GetUnread() && w.GetDelivered():
			return nil, nil, fault.Invalid("delivered", "cannot be combined with unread")
		case w.GetUnread():
			mv.Kind = store.MoveUnread
		case w.GetDelivered():
			mv.Kind = store.MoveDelivered
		}
		moves = append(moves, mv)
		if !slices.Contains(rooms, r) {
			rooms = append(rooms, r)
		}
	}
	return moves, rooms, nil
}

// roomsOf are those of the rooms with these heads that a user is a member of. A change of the members that the log has
// counts, whichever instance wrote it.
func (a *API) roomsOf(ctx context.Context, user ids.User, heads map[ids.Room]store.Head) (map[ids.Room]pipeline.Now, error) {
	var mu sync.Mutex
	now := make(map[ids.Room]pipeline.Now, len(heads))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(roleChecks)
	for r, h := range heads {
		group.Go(func() error {
			is, members, err := a.Pipeline.Role(ctx, r, user, h.Version)
			if fault.CodeOf(err) == fault.NotFound {
				return nil
			}
			if err == nil && is != role.None {
				mu.Lock()
				defer mu.Unlock()
				now[r] = pipeline.Now{Head: h, Members: members}
			}
			return err
		})
	}
	err := group.Wait()
	return now, err
}
