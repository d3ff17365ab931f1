package messagestore_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

func (w *world) inThread(room ids.Room, user int, nonce string, root uint32) *busv1.Command {
	c := w.message(room, user, nonce, nonce)
	c.GetMessage().Thread = root
	return c
}

func seqs(messages []*chatv1.Message) (all []uint32) {
	for _, m := range messages {
		all = append(all, m.GetSeq())
	}
	return all
}

// A thread is read by itself; the room shows its root, and what became of the thread.
func TestThreads(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			one, two := w.send(t, room, 0, "one", "1").GetSeq(), w.send(t, room, 1, "two", "2").GetSeq()
			var replies []uint32
			for i := range 5 {
				replies = append(replies, w.do(t, w.inThread(room, i%2, fmt.Sprint("reply ", i), one)))
			}
			three := w.send(t, room, 0, "three", "3").GetSeq()
			last := w.do(t, w.inThread(room, 1, "another", two))
			// What a client says of the thread's order is not believed, and another thread is another message.
			again := w.inThread(room, 0, "reply 0", one)
			again.GetMessage().ThreadOrdinal, again.GetMessage().Mentions = 99, []*chatv1.Mention{{Kind: "room", Length: 5}}
			if seq := w.do(t, again); seq != replies[0] {
				t.Errorf("the retry is at %d, want %d", seq, replies[0])
			}

			ctx := w.as(t.Context(), 1)
			list := func(req *storev1.ListMessagesRequest) ([]*chatv1.Message, bool) {
				t.Helper()
				req.RoomId = room.String()
				res := call[*storev1.ListMessagesResponse](t, ctx, w, "ListMessages", req)
				return res.GetMessages(), res.GetMore()
			}
			m, more := list(&storev1.ListMessagesRequest{})
			if !slices.Equal(seqs(m), []uint32{three, two, one}) || more {
				t.Fatalf("the room: %v more=%t", m, more)
			}
			if r := m[2].GetReplies(); r.GetCount() != 5 || r.GetLastSeq() != replies[4] || r.GetLastUserId() != w.members[0].String() || !r.GetLastAt().IsValid() {
				t.Errorf("the root says of its thread %v", r)
			}
			if m[0].GetOrdinal() != 3 || m[0].GetReplies() != nil {
				t.Errorf("the message after the replies: %v", m[0])
			}
			m, more = list(&storev1.ListMessagesRequest{Thread: one, Limit: 2})
			if !slices.Equal(seqs(m), []uint32{replies[4], replies[3]}) || !more || m[0].GetThread() != one || m[0].GetThreadOrdinal() != 5 {
				t.Errorf("the end of the thread: %v more=%t", m, more)
			}
			if m, more = list(&storev1.ListMessagesRequest{Thread: one, Before: new(replies[1])}); !slices.Equal(seqs(m), replies[:1]) || more {
				t.Errorf("its beginning: %v more=%t", m, more)
			}
			if m[0].GetThreadOrdinal() != 1 || len(m[0].GetMentions()) > 0 {
				t.Errorf("the first reply: %v", m[0])
			}
			if m, more = list(&storev1.ListMessagesRequest{Thread: one, After: new(replies[0]), Limit: 2}); !slices.Equal(seqs(m), []uint32{replies[2], replies[1]}) || !more {
				t.Errorf("after the first reply: %v more=%t", m, more)
			}

			threads := func(before, limit uint32) ([]uint32, bool) {
				res := call[*storev1.ListThreadsResponse](t, ctx, w, "ListThreads", &storev1.ListThreadsRequest{RoomId: room.String(), Before: before, Limit: limit})
				return seqs(res.GetMessages()), res.GetMore()
			}
			if got, more := threads(0, 1); !slices.Equal(got, []uint32{two}) || !more {
				t.Errorf("the newest thread: %v more=%t", got, more)
			}
			if got, more := threads(two, 50); !slices.Equal(got, []uint32{one}) || more {
				t.Errorf("the others: %v more=%t", got, more)
			}

			conflict := w.inThread(room, 0, "reply 0", two)
			for c, want := range map[*busv1.Command]fault.Code{
				conflict: fault.Conflict, w.inThread(room, 0, "x", last): fault.InvalidArgument, w.inThread(room, 0, "y", 999): fault.NotFound,
			} {
				outcomes, err := w.sender.Send(t.Context(), room, []*busv1.Command{c})
				if err != nil || fault.Code(outcomes[0].GetFault().GetCode()) != want {
					t.Errorf("%v: %v %v, want %s", c, outcomes, err, want)
				}
			}
			stranger := rpc.WithCaller(t.Context(), authn.Caller{User: ids.New[ids.User]()})
			refused[*storev1.ListThreadsResponse](t, stranger, w, "ListThreads", &storev1.ListThreadsRequest{RoomId: room.String()}, fault.PermissionDenied, "")
			refused[*storev1.ListThreadsResponse](t, t.Context(), w, "ListThreads", &storev1.ListThreadsRequest{RoomId: room.String()}, fault.Unauthenticated, "")
			refused[*storev1.ListThreadsResponse](t, ctx, w, "ListThreads", &storev1.ListThreadsRequest{RoomId: "x"}, fault.InvalidArgument, "roomId")
			refused[*storev1.ListThreadsResponse](t, ctx, w, "ListThreads", &storev1.ListThreadsRequest{RoomId: room.String(), Limit: 101}, fault.InvalidArgument, "limit")
		})
	}
}

// Of a deleted room nothing is left that anybody said.
func TestPurge(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			purge := &storev1.PurgeRoomRequest{RoomId: room.String()}
			root := w.send(t, room, 0, "a", "secret").GetSeq()
			w.do(t, w.inThread(room, 1, "b", root))
			refused[*storev1.PurgeRoomResponse](t, t.Context(), w, "PurgeRoom", purge, fault.Unavailable, "")
			end := w.message(room, 0, bus.VersionNonce(1), "")
			end.Body = &busv1.Command_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{Name: "secret", IsDeleted: true, Version: 1}}
			head := w.do(t, end)
			for range 2 {
				call[*storev1.PurgeRoomResponse](t, t.Context(), w, "PurgeRoom", purge)
			}
			log := call[*storev1.GetEventsResponse](t, t.Context(), w, "GetEvents", &storev1.GetEventsRequest{RoomId: room.String()})
			if log.GetHeadSeq() != head || len(log.GetEvents()) != int(head) || !log.GetEvents()[head-1].GetRoomUpdated().GetIsDeleted() {
				t.Errorf("log %v", log)
			}
			for _, e := range log.GetEvents() {
				if text := e.GetMessage().GetContent() + e.GetRoomUpdated().GetName() + e.GetActor().GetUsername(); text != "" {
					t.Errorf("event %d still says %q", e.GetSeq(), text)
				}
			}
			ctx := w.as(t.Context(), 0)
			refused[*storev1.ListMessagesResponse](t, ctx, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()}, fault.NotFound, "")
			outcomes, err := w.sender.Send(t.Context(), room, []*busv1.Command{w.message(room, 0, "late", "x")})
			if err != nil || fault.Code(outcomes[0].GetFault().GetCode()) != fault.NotFound {
				t.Errorf("a message after the end: %v %v", outcomes, err)
			}
			refused[*storev1.PurgeRoomResponse](t, t.Context(), w, "PurgeRoom", &storev1.PurgeRoomRequest{RoomId: "x"}, fault.InvalidArgument, "roomId")
		})
	}
}
