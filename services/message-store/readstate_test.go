package messagestore_test

import (
	"context"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// answer answers in the thread of a message.
func (w *world) answer(t *testing.T, room ids.Room, user int, nonce string, root uint32) uint32 {
	t.Helper()
	c := w.message(room, user, nonce, "in the thread")
	c.GetMessage().Thread = root
	outcomes, err := w.sender.Send(t.Context(), room, []*busv1.Command{c})
	if err != nil || outcomes[0].GetAck() == nil {
		t.Fatalf("reply: %v %v", outcomes, err)
	}
	return outcomes[0].GetAck().GetSeq()
}

// move moves markers of a user.
func (w *world) move(t *testing.T, user int, markers ...*storev1.Marker) []*storev1.Head {
	t.Helper()
	return call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
		UserId: w.members[user].String(), Markers: markers,
	}).GetHeads()
}

// What the rpc says of a room that is marked unread, on both engines: at once, and also of what the user has just written.
func TestMarkUnread(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			in := ids.New[ids.Room]()
			want := func(what string, heads []*storev1.Head, readSeq, unread, rev uint32) {
				t.Helper()
				heads = append(heads, call[*storev1.GetHeadsResponse](t, t.Context(), w, "GetHeads", &storev1.GetHeadsRequest{
					RoomIds: []string{in.String()}, UserId: w.members[1].String(),
				}).GetHeads()...)
				for _, h := range heads {
					if h.GetReadSeq() != readSeq || h.GetUnread() != unread || h.GetRev() != rev {
						t.Errorf("%s: %v, want %d read, %d unread, rev %d", what, h, readSeq, unread, rev)
					}
				}
			}
			w.send(t, in, 0, "a", "1")
			w.send(t, in, 0, "b", "2")
			want("nothing read", nil, 0, 2, 0)
			mine := w.send(t, in, 1, "c", "3, mine").GetSeq()
			want("said something", nil, mine, 0, 0)
			want("marked unread", w.move(t, 1, &storev1.Marker{RoomId: in.String(), Seq: 2, Unread: true}), 1, 1, 1)
			want("read by a device that did not know", w.move(t, 1, &storev1.Marker{RoomId: in.String(), Seq: 3}), 1, 1, 1)
			want("both at once", w.move(t, 1, &storev1.Marker{RoomId: in.String(), Seq: 3, Rev: 1}, &storev1.Marker{RoomId: in.String(), Seq: 1, Unread: true}), 0, 2, 2)
			want("delivered", w.move(t, 1, &storev1.Marker{RoomId: in.String(), Seq: 3, Delivered: true}), 0, 2, 2)
			mine = w.send(t, in, 1, "d", "4, mine").GetSeq()
			want("said something after it", nil, mine, 0, 2)
		})
	}
}

func TestFollowedThreads(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			w.start(t, settings(t))
			one, two := ids.New[ids.Room](), ids.New[ids.Room]()
			list := func(user int, before string, limit uint32) *storev1.ListFollowedThreadsResponse {
				t.Helper()
				ctx := rpc.WithCaller(t.Context(), authn.Caller{User: w.members[user]})
				return call[*storev1.ListFollowedThreadsResponse](t, ctx, w, "ListFollowedThreads", &storev1.ListFollowedThreadsRequest{Before: before, Limit: limit})
			}
			if res := list(0, "", 0); len(res.GetThreads()) != 0 || res.GetNext() != "" {
				t.Errorf("threads of nobody: %v", res)
			}
			first, second := w.send(t, one, 0, "a", "first").GetSeq(), w.send(t, two, 0, "b", "second").GetSeq()
			w.answer(t, one, 1, "c", first)
			last := w.answer(t, one, 1, "d", first)
			w.answer(t, two, 1, "e", second)
			until(t, func() bool { return len(list(0, "", 0).GetThreads()) == 2 })
			page := list(0, "", 1)
			if th := page.GetThreads(); len(th) != 1 || th[0].GetMessage().GetContent() != "second" || th[0].GetUnread() != 1 || page.GetNext() == "" {
				t.Fatalf("first page: %v", page)
			}
			page = list(0, page.GetNext(), 1)
			if th := page.GetThreads(); len(th) != 1 || th[0].GetMessage().GetContent() != "first" || th[0].GetUnread() != 2 || page.GetNext() != "" ||
				th[0].GetMessage().GetReplies().GetCount() != 2 || th[0].GetMessage().GetReplies().GetLastSeq() != last {
				t.Errorf("second page: %v", page)
			}
			// Who answers has read the thread, and nothing of the room by it.
			if th := list(1, "", 0).GetThreads(); len(th) != 2 || th[0].GetUnread() != 0 || th[1].GetUnread() != 0 || th[1].GetReadSeq() != last {
				t.Errorf("threads of who answered: %v", th)
			}
			w.move(t, 0, &storev1.Marker{RoomId: one.String(), Thread: first, Seq: last - 1})
			if th := list(0, "", 0).GetThreads(); th[1].GetUnread() != 1 || th[1].GetReadSeq() != last-1 {
				t.Errorf("after reading one reply: %v", th)
			}
			if th := list(2, "", 0).GetThreads(); len(th) != 0 {
				t.Errorf("threads of somebody else: %v", th)
			}
		})
	}
}

func TestRefusedReadState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	in := ids.New[ids.Room]()
	member := rpc.WithCaller(t.Context(), authn.Caller{User: w.members[0]})
	for name, tt := range map[string]struct {
		ctx     context.Context //nolint:containedctx // the caller is in it
		req     *storev1.ListFollowedThreadsRequest
		markers []*storev1.Marker
		want    fault.Code
		field   string
	}{
		"nobody's threads":     {ctx: t.Context(), req: &storev1.ListFollowedThreadsRequest{}, want: fault.Unauthenticated},
		"a large page":         {ctx: member, req: &storev1.ListFollowedThreadsRequest{Limit: 101}, want: fault.InvalidArgument, field: "limit"},
		"no cursor":            {ctx: member, req: &storev1.ListFollowedThreadsRequest{Before: "yesterday"}, want: fault.InvalidArgument, field: "before"},
		"half a cursor":        {ctx: member, req: &storev1.ListFollowedThreadsRequest{Before: "5." + in.String()}, want: fault.InvalidArgument, field: "before"},
		"an unread thread":     {markers: []*storev1.Marker{{RoomId: in.String(), Thread: 1, Unread: true}}, want: fault.InvalidArgument, field: "thread"},
		"unread and delivered": {markers: []*storev1.Marker{{RoomId: in.String(), Unread: true, Delivered: true}}, want: fault.InvalidArgument, field: "delivered"},
		"too many":             {markers: make([]*storev1.Marker, 501), want: fault.InvalidArgument, field: "markers"},
		"no room":              {markers: []*storev1.Marker{{RoomId: "*"}}, want: fault.InvalidArgument, field: "roomId"},
	} {
		var err error
		if tt.req != nil {
			_, err = rpc.Call[*storev1.ListFollowedThreadsResponse](tt.ctx, w.rpc, "message-store", "ListFollowedThreads", tt.req)
		} else {
			_, err = rpc.Call[*storev1.MoveMarkersResponse](t.Context(), w.rpc, "message-store", "MoveMarkers", &storev1.MoveMarkersRequest{
				UserId: w.members[0].String(), Markers: tt.markers,
			})
		}
		if f := fault.From(err); err == nil || f.Code != tt.want || f.Field != tt.field {
			t.Errorf("%s: %v, want %s of %q", name, err, tt.want, tt.field)
		}
	}
}
