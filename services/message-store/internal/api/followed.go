package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxFollowedReads bounds how often one request goes on in the list when what it finds is of rooms that the user has left.
const maxFollowedReads = 10

// ListFollowedThreads returns the threads that the caller follows, in rooms that they are a member of.
func (a *API) ListFollowedThreads(ctx context.Context, req *storev1.ListFollowedThreadsRequest) (*storev1.ListFollowedThreadsResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	limit, err := pageSize(req.GetLimit())
	if err != nil {
		return nil, err
	}
	before, err := parseThreadAt(req.GetBefore())
	if err != nil {
		return nil, fault.Invalid("before", "is not the next of a page before")
	}
	list, more, err := a.followed(ctx, caller.User, before, limit)
	if err != nil {
		return nil, err
	}
	return a.showFollowed(ctx, caller.User, list, more)
}

// followed is a page of the list, and where the next one begins: nowhere, when that is zero.
func (a *API) followed(ctx context.Context, user ids.User, at store.ThreadAt, limit int) (list []store.ThreadAt, next store.ThreadAt, err error) {
	for range maxFollowedReads {
		found, err := a.Log.FollowedThreads(ctx, user, at, limit+1)
		if err != nil {
			return nil, at, err
		}
		isMember, err := a.memberIn(ctx, user, found)
		if err != nil {
			return nil, at, err
		}
		for _, t := range found {
			if len(list) == limit {
				return list, at, nil
			}
			if at = t; isMember(t.Room) {
				list = append(list, t)
			}
		}
		if len(found) <= limit {
			return list, store.ThreadAt{}, nil
		}
	}
	return list, at, nil
}

// memberIn looks up in which of the rooms of these threads a user is a member.
func (a *API) memberIn(ctx context.Context, user ids.User, threads []store.ThreadAt) (func(ids.Room) bool, error) {
	var rooms []ids.Room
	seen := map[ids.Room]struct{}{}
	for _, t := range threads {
		if _, again := seen[t.Room]; !again {
			seen[t.Room] = struct{}{}
			rooms = append(rooms, t.Room)
		}
	}
	heads, err := a.Pipeline.Heads(ctx, rooms, a.owns, time.Now())
	if err != nil {
		return nil, err
	}
	now, err := a.roomsOf(ctx, user, heads)
	return func(r ids.Room) bool { _, ok := now[r]; return ok }, err
}

// showFollowed is a page with the messages that began the threads, and what is unread in them.
func (a *API) showFollowed(ctx context.Context, user ids.User, list []store.ThreadAt, next store.ThreadAt) (*storev1.ListFollowedThreadsResponse, error) {
	res := &storev1.ListFollowedThreadsResponse{Next: formatThreadAt(next)}
	if len(list) == 0 {
		return res, nil
	}
	refs := make([]store.Ref, len(list))
	readers := make([]store.Reader, len(list))
	for i, t := range list {
		refs[i], readers[i] = t.Ref, store.Reader{User: user, Room: t.Room, Thread: t.Seq}
	}
	markers, err := a.Markers.Read(ctx, readers) // before the replies are counted: what is read meanwhile is unread once more
	if err != nil {
		return nil, err
	}
	found, err := a.Log.Targets(ctx, refs)
	if err != nil {
		return nil, err
	}
	var roots []*store.Message
	var places []store.ThreadAt
	for i, ref := range refs {
		if root := found[ref]; root != nil {
			at := a.Pipeline.Ahead(readers[i], markers[readers[i]])
			res.Threads = append(res.Threads, &storev1.FollowedThread{Unread: at.Unread(root.Replies.Count), ReadSeq: at.Seq})
			roots, places = append(roots, root), append(places, list[i])
		}
	}
	shown, err := a.show(ctx, roots)
	if err != nil {
		return nil, err
	}
	for i, m := range shown {
		res.Threads[i].Message = m
	}
	if n := fitting(shown); n < len(shown) {
		res.Threads, res.Next = res.GetThreads()[:n], formatThreadAt(places[n-1])
	}
	return res, nil
}

// formatThreadAt is a place as clients hand it back: `<milliseconds>.<room>.<seq>`.
func formatThreadAt(t store.ThreadAt) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%s.%d", t.LastAt, t.Room, t.Seq)
}

func parseThreadAt(text string) (t store.ThreadAt, err error) {
	if text == "" {
		return t, nil
	}
	at, rest, _ := strings.Cut(text, ".")
	room, seq, _ := strings.Cut(rest, ".")
	if t.LastAt, err = strconv.ParseInt(at, 10, 64); err != nil {
		return t, err
	}
	if t.Room, err = ids.ParseRoom(room); err != nil {
		return t, err
	}
	n, err := strconv.ParseUint(seq, 10, 32)
	t.Seq = uint32(n)
	return t, err
}
