package messagestore_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/rpc"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// joined are the rooms that everybody is in, for as long as they are.
type joined struct {
	mu    sync.Mutex
	rooms []ids.Room
}

func (j *joined) set(rooms ...ids.Room) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rooms = rooms
}

// list answers in pages: of one room, when they are few. The rooms are called room 0, room 1, …
func (j *joined) list(_ context.Context, req *roomsv1.ListMembershipsRequest) (*roomsv1.ListMembershipsResponse, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	at := 0
	if req.GetAfter() != "" {
		at = 1 + slices.IndexFunc(j.rooms, func(r ids.Room) bool { return r.String() == req.GetAfter() })
	}
	end := min(at+1+len(j.rooms)/10, len(j.rooms))
	res := &roomsv1.ListMembershipsResponse{More: end < len(j.rooms)}
	for ; at < end; at++ {
		res.Memberships = append(res.Memberships, &roomsv1.Membership{Room: &chatv1.Room{Id: j.rooms[at].String(), Name: fmt.Sprint("room ", at)}})
	}
	return res, nil
}

// mentionWorld is two instances, an auth that knows the members as user0, user1, …, and a rooms that lists rooms.
func mentionWorld(t *testing.T, settings map[string]string) (*world, *joined) {
	t.Helper()
	w, in := newWorld(t, 4), &joined{}
	server, err := rpc.NewServer(w.nc, "rooms", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := rpc.Handle(server, "ListMemberships", in.list); err != nil {
		t.Fatal(err)
	}
	auth := peopletest.StartAuth(t, w.url)
	for i, user := range w.members {
		auth.Add(user, fmt.Sprint("User", i))
	}
	for range 2 {
		w.start(t, maps.Clone(settings))
	}
	return w, in
}

// unreadMentions are the counts of all members, remembered or read.
func (w *world) unreadMentions(t *testing.T, room ids.Room, again bool) (counts []uint32) {
	t.Helper()
	var reqs []*storev1.GetHeadsRequest
	for _, user := range w.members {
		reqs = append(reqs, &storev1.GetHeadsRequest{RoomIds: []string{room.String()}, UserId: user.String()})
	}
	if !again {
		for _, res := range call[*storev1.BatchGetHeadsResponse](t, t.Context(), w, "BatchGetHeads", &storev1.BatchGetHeadsRequest{Requests: reqs}).GetResponses() {
			counts = append(counts, res.GetHeads()[0].GetMentions())
		}
		return counts
	}
	for _, req := range reqs {
		counts = append(counts, call[*storev1.GetHeadsResponse](t, t.Context(), w, "GetHeads", req).GetHeads()[0].GetMentions())
	}
	return counts
}

// What a message calls is counted by whichever instance is asked: it is edited, read, deleted.
func TestUnreadMentions(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := mentionWorld(t, settings(t))
			room := ids.New[ids.Room]()
			check := func(step string, want ...uint32) {
				t.Helper()
				var got []uint32
				defer func() {
					if t.Failed() {
						t.Logf("%s: %v, want %v", step, got, want)
					}
				}()
				for range 4 { // of either instance, many times over
					until(t, func() bool { got = w.unreadMentions(t, room, true); return slices.Equal(got, want) })
					until(t, func() bool { got = w.unreadMentions(t, room, false); return slices.Equal(got, want) })
				}
			}
			w.send(t, room, 0, "first", "hello")
			check("nobody is called", 0, 0, 0, 0)
			one := w.send(t, room, 0, "one", "hi @User1 and @user0").GetSeq()
			check("one is called", 0, 1, 0, 0)
			w.send(t, room, 3, "two", "@user1, @user1!")
			check("again", 0, 2, 0, 0)
			w.do(t, w.edit(room, 0, "edit", one, "hi @user2"))
			check("another one, since an edit", 0, 1, 1, 0)
			moved := call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
				UserId: w.members[2].String(), Markers: []*storev1.Marker{{RoomId: room.String(), Seq: one}},
			}).GetHeads()
			if len(moved) != 1 || moved[0].GetMentions() != 0 {
				t.Errorf("after reading: %v", moved)
			}
			check("it is read", 0, 1, 0, 0)
			moved = call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
				UserId: w.members[2].String(), Markers: []*storev1.Marker{{RoomId: room.String(), Seq: one, Unread: true}},
			}).GetHeads()
			if len(moved) != 1 || moved[0].GetMentions() != 1 {
				t.Errorf("after marking unread: %v", moved)
			}
			check("it is unread again", 0, 1, 1, 0)
			w.do(t, w.delete(room, 0, "delete", one))
			check("it is deleted", 0, 1, 0, 0)
		})
	}
}

func TestListMentions(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, in := mentionWorld(t, settings(t))
			a, b, left := ids.New[ids.Room](), ids.New[ids.Room](), ids.New[ids.Room]()
			in.set(a, b)
			list := func(before string, limit uint32) []*chatv1.Message {
				t.Helper()
				req := &storev1.ListMentionsRequest{Before: before, Limit: limit}
				return call[*storev1.ListMentionsResponse](t, w.as(t.Context(), 1), w, "ListMentions", req).GetMessages()
			}
			if got := list("", 0); len(got) != 0 {
				t.Errorf("of no mentions: %v", got)
			}
			for i := range 4 {
				w.send(t, a, 0, fmt.Sprint(i), fmt.Sprint("@user1 in a ", i))
				w.send(t, b, 0, fmt.Sprint(i), fmt.Sprint("@user1 in b ", i))
				w.send(t, left, 0, fmt.Sprint(i), "@user1 in another room")
				w.send(t, b, 1, fmt.Sprint(i), "@user1 by the user")
			}
			w.do(t, w.edit(a, 0, "edit", 2, "nobody any more"))
			w.do(t, w.delete(b, 0, "delete", 3))
			for _, limit := range []uint32{1, 2, 50} {
				var got []string
				for before := ""; ; {
					page := list(before, limit)
					for _, m := range page {
						got = append(got, m.GetContent())
						if m.GetUsername() != "User0" || len(m.GetMentions()) != 1 || m.GetMentions()[0].GetUserId() != w.members[1].String() {
							t.Errorf("message %v", m)
						}
					}
					if len(page) < int(limit) {
						break
					}
					before = page[len(page)-1].GetId()
				}
				slices.Sort(got) // rooms have their own clocks
				if want := []string{"@user1 in a 0", "@user1 in a 2", "@user1 in a 3", "@user1 in b 0", "@user1 in b 2", "@user1 in b 3"}; !slices.Equal(got, want) {
					t.Errorf("in pages of %d: %q, want %q", limit, got, want)
				}
			}
			in.set()
			if got := list("", 0); len(got) != 0 {
				t.Errorf("in no rooms: %v", got)
			}
			ctx := w.as(t.Context(), 1)
			for req, field := range map[*storev1.ListMentionsRequest]string{
				{Limit: 101}: "limit", {Before: "x"}: "before", {Before: a.String() + ":x"}: "before", {Before: a.String() + ":99"}: "before",
			} {
				refused[*storev1.ListMentionsResponse](t, ctx, w, "ListMentions", req, fault.InvalidArgument, field)
			}
			refused[*storev1.ListMentionsResponse](t, t.Context(), w, "ListMentions", &storev1.ListMentionsRequest{}, fault.Unauthenticated, "")
		})
	}
}
