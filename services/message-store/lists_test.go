package messagestore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/people/peopletest"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// try sends a command and returns why it was refused, if it was.
func (w *world) try(tb testing.TB, c *busv1.Command) *busv1.Fault {
	tb.Helper()
	room, err := ids.ParseRoom(c.GetRoomId())
	if err != nil {
		tb.Fatal(err)
	}
	outcomes, err := w.sender.Send(tb.Context(), room, []*busv1.Command{c})
	if err != nil {
		tb.Fatal(err)
	}
	return outcomes[0].GetFault()
}

func (w *world) pin(room ids.Room, user int, nonce string, seq uint32, removed bool) *busv1.Command {
	c := w.message(room, user, nonce, "")
	c.Body = &busv1.Command_Pinned{Pinned: &chatv1.PinChanged{Seq: seq, Removed: removed}}
	return c
}

// change is a change of a room or its members as rooms sends it.
func (w *world) change(room ids.Room, by int, version uint32) *busv1.Command {
	return w.message(room, by, bus.VersionNonce(version), "")
}

func (w *world) joined(room ids.Room, user int, version uint32, role string, isChange bool) *busv1.Command {
	c := w.change(room, user, version)
	c.Body = &busv1.Command_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: w.ref(user), Role: role, Version: version, IsChange: isChange}}
	return c
}

func (w *world) left(room ids.Room, user int, version uint32, reason string) *busv1.Command {
	c := w.change(room, user, version)
	c.Body = &busv1.Command_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: w.ref(user), Reason: reason, Version: version}}
	return c
}

func (w *world) ref(user int) *chatv1.UserRef {
	return &chatv1.UserRef{Id: w.members[user].String(), Username: "somebody"}
}

func TestPins(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, cfg := newWorld(t, 2), settings(t)
			cfg["NATTER_ROOM_PINS"] = "3"
			w.start(t, cfg)
			room := ids.New[ids.Room]()
			w.do(t, w.joined(room, 0, 1, "moderator", true))
			var seqs []uint32
			for i := range 4 {
				seqs = append(seqs, w.send(t, room, 1, fmt.Sprint(i), fmt.Sprint("message ", i)).GetSeq())
			}
			var pins []uint32
			for _, i := range []int{1, 0, 2} {
				pins = append(pins, w.do(t, w.pin(room, 0, fmt.Sprint("pin ", i), seqs[i], false)))
			}
			if f := w.try(t, w.pin(room, 0, "one more", seqs[3], false)); f.GetCode() != string(fault.ResourceExhausted) || f.GetField() != "seq" {
				t.Errorf("one more pin: %v", f)
			}
			list := func(before, limit uint32) *storev1.ListPinsResponse {
				t.Helper()
				return call[*storev1.ListPinsResponse](t, w.as(t.Context(), 1), w, "ListPins", &storev1.ListPinsRequest{RoomId: room.String(), Before: before, Limit: limit})
			}
			for _, tt := range []struct {
				before, limit uint32
				want          []int // pins, by their number
				more          bool
			}{{0, 0, []int{2, 1, 0}, false}, {0, 2, []int{2, 1}, true}, {pins[1], 2, []int{0}, false}, {pins[0], 2, nil, false}} {
				got := list(tt.before, tt.limit)
				if len(got.GetPins()) != len(tt.want) || got.GetMore() != tt.more {
					t.Fatalf("%+v: %v", tt, got)
				}
				for i, p := range got.GetPins() {
					n := tt.want[i]
					if p.GetSeq() != pins[n] || p.GetMessage().GetSeq() != seqs[[]int{1, 0, 2}[n]] || !p.GetMessage().GetIsPinned() ||
						p.GetPinnedBy().GetId() != w.members[0].String() || p.GetPinnedBy().GetUsername() != "somebody" || !p.GetPinnedAt().IsValid() {
						t.Errorf("%+v: pin %d: %v", tt, i, p)
					}
				}
			}
			w.do(t, w.delete(room, 1, "gone", seqs[2]))
			w.do(t, w.pin(room, 0, "place was made", seqs[3], false))
			w.do(t, w.pin(room, 0, "unpin", seqs[1], true))
			var left []uint32
			for _, p := range list(0, 0).GetPins() {
				left = append(left, p.GetMessage().GetSeq())
			}
			if want := []uint32{seqs[3], seqs[0]}; !slices.Equal(left, want) {
				t.Errorf("pinned in the end: %v, want %v", left, want)
			}
			stranger := rpc.WithCaller(t.Context(), authn.Caller{User: ids.New[ids.User]()})
			refused[*storev1.ListPinsResponse](t, stranger, w, "ListPins", &storev1.ListPinsRequest{RoomId: room.String()}, fault.PermissionDenied, "")
		})
	}
}

// What a user saved is theirs, on all their devices, as long as they are in the room.
func TestSaved(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, cfg := newWorld(t, 2), settings(t)
			cfg["NATTER_SAVED_MESSAGES"] = "4"
			w.start(t, cfg)
			a, b := ids.New[ids.Room](), ids.New[ids.Room]()
			first, second := w.send(t, a, 0, "1", "first").GetSeq(), w.send(t, a, 0, "2", "second").GetSeq()
			other := w.send(t, b, 0, "1", "other").GetSeq()
			events := make(chan *nats.Msg, 10)
			if _, err := w.nc.ChanSubscribe(subject.UserEvent(w.members[1]), events); err != nil {
				t.Fatal(err)
			}
			me := w.as(t.Context(), 1)
			save := func(room ids.Room, seq uint32) {
				t.Helper()
				call[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", &storev1.SaveMessageRequest{RoomId: room.String(), Seq: seq})
			}
			list := func(before string, limit uint32) *storev1.ListSavedResponse {
				t.Helper()
				return call[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{Before: before, Limit: limit})
			}
			contents := func(res *storev1.ListSavedResponse) (all []string) {
				for _, s := range res.GetSaved() {
					all = append(all, s.GetMessage().GetContent())
				}
				return all
			}
			if got := list("", 0); len(got.GetSaved()) != 0 || got.GetMore() {
				t.Errorf("before anything is saved: %v", got)
			}
			began := time.Now()
			save(a, first)
			save(b, other)
			save(a, second)
			save(a, first) // again: no news
			for _, want := range []struct {
				room ids.Room
				seq  uint32
			}{{a, first}, {b, other}, {a, second}} {
				if got := saved(t, events); got.GetRoomId() != want.room.String() || got.GetSeq() != want.seq || got.GetRemoved() {
					t.Errorf("event %v, want %v", got, want)
				}
			}
			got := list("", 0)
			if all := contents(got); !slices.Equal(all, []string{"second", "other", "first"}) || got.GetMore() {
				t.Fatalf("saved %q", all)
			}
			if at := got.GetSaved()[0].GetSavedAt().AsTime(); at.Before(began.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
				t.Errorf("saved at %v", at)
			}
			page := list("", 2)
			if rest := list(page.GetSaved()[1].GetId(), 2); !page.GetMore() || rest.GetMore() || !slices.Equal(contents(rest), []string{"first"}) {
				t.Errorf("pages %v, %v", page, rest)
			}
			if others := call[*storev1.ListSavedResponse](t, w.as(t.Context(), 0), w, "ListSaved", &storev1.ListSavedRequest{}); len(others.GetSaved()) != 0 {
				t.Errorf("somebody else sees %v", others)
			}
			w.do(t, w.delete(a, 0, "d", first))
			if last := list("", 0).GetSaved()[2].GetMessage(); !last.GetIsDeleted() || last.GetContent() != "" {
				t.Errorf("a deleted message: %v", last)
			}
			refused[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", &storev1.SaveMessageRequest{RoomId: a.String(), Seq: first}, fault.NotFound, "seq")
			for range 2 {
				call[*storev1.UnsaveMessageResponse](t, me, w, "UnsaveMessage", &storev1.UnsaveMessageRequest{RoomId: b.String(), Seq: other})
			}
			if got := saved(t, events); got.GetRoomId() != b.String() || !got.GetRemoved() {
				t.Errorf("event %v", got)
			}
			w.fillSaved(t, a, b)
			if n := len(events); n != 2 {
				t.Errorf("%d more events, want 2", n)
			}
		})
	}
}

// fillSaved saves as much as may be: two were saved, in a.
func (w *world) fillSaved(t *testing.T, a, b ids.Room) {
	t.Helper()
	me := w.as(t.Context(), 1)
	for i := range 4 {
		seq := w.send(t, b, 0, fmt.Sprint("more ", i), fmt.Sprint("more ", i)).GetSeq()
		req := &storev1.SaveMessageRequest{RoomId: b.String(), Seq: seq}
		switch i {
		case 0, 1:
			call[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", req)
		case 2:
			refused[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", req, fault.ResourceExhausted, "seq")
			w.do(t, w.left(a, 1, 1, "left"))
			res := call[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{Limit: 1})
			if len(res.GetSaved()) != 1 || res.GetSaved()[0].GetMessage().GetContent() != "more 1" || !res.GetMore() {
				t.Errorf("after leaving a room: %v", res)
			}
			rest := call[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{Before: res.GetSaved()[0].GetId(), Limit: 1})
			if len(rest.GetSaved()) != 1 || rest.GetMore() {
				t.Errorf("the rest after leaving a room: %v", rest)
			}
			refused[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", &storev1.SaveMessageRequest{RoomId: a.String(), Seq: 2}, fault.PermissionDenied, "")
		}
	}
	refused[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{Before: "yesterday"}, fault.InvalidArgument, "before")
	refused[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{Limit: 101}, fault.InvalidArgument, "limit")
}

// What somebody saved in rooms that they have left makes place for more.
func TestSavedInRoomsThatWereLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir(), "NATTER_SAVED_MESSAGES": "2"})
	a, b, me := ids.New[ids.Room](), ids.New[ids.Room](), w.as(t.Context(), 1)
	for _, in := range []ids.Room{a, b} {
		w.send(t, in, 0, "1", "1")
		w.send(t, in, 0, "2", "2")
		call[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", &storev1.SaveMessageRequest{RoomId: in.String(), Seq: 1})
	}
	req := &storev1.SaveMessageRequest{RoomId: b.String(), Seq: 2}
	refused[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", req, fault.ResourceExhausted, "seq")
	w.do(t, w.left(a, 1, 1, "banned"))
	call[*storev1.SaveMessageResponse](t, me, w, "SaveMessage", req)
	if res := call[*storev1.ListSavedResponse](t, me, w, "ListSaved", &storev1.ListSavedRequest{}); len(res.GetSaved()) != 2 {
		t.Errorf("saved %v", res)
	}
}

// saved is the next event of that kind.
func saved(t *testing.T, events chan *nats.Msg) interface {
	GetRoomId() string
	GetSeq() uint32
	GetRemoved() bool
} {
	t.Helper()
	var ev busv1.UserEvent
	for ev.GetSaved() == nil {
		select {
		case msg := <-events:
			if err := proto.Unmarshal(msg.Data, &ev); err != nil {
				t.Fatal(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("no event")
		}
	}
	return ev.GetSaved()
}

func TestReaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	auth := peopletest.StartAuth(t, w.url)
	for i, name := range []string{"Zoe", "Yan", "Ada", "Bob"} {
		auth.Add(w.members[i], name)
	}
	room := ids.New[ids.Room]()
	first, second := w.send(t, room, 0, "1", "1").GetSeq(), w.send(t, room, 0, "2", "2").GetSeq()
	readers := func(seq uint32) (names []string) {
		t.Helper()
		for _, r := range call[*storev1.ListReadersResponse](t, w.as(t.Context(), 0), w, "ListReaders", &storev1.ListReadersRequest{RoomId: room.String(), Seq: seq}).GetReaders() {
			names = append(names, r.GetUsername())
		}
		return names
	}
	read := func(user int, marker *storev1.Marker) {
		t.Helper()
		marker.RoomId = room.String()
		call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{UserId: w.members[user].String(), Markers: []*storev1.Marker{marker}})
	}
	if got := readers(first); got != nil {
		t.Errorf("nobody has read it, but %v", got)
	}
	read(1, &storev1.Marker{Seq: first})
	read(2, &storev1.Marker{Seq: second})
	read(2, &storev1.Marker{Seq: first, Unread: true}) // is nobody else's business
	w.send(t, room, 3, "3", "I have read that")
	for seq, want := range map[uint32][]string{first: {"Ada", "Bob", "Yan"}, second: {"Ada", "Bob"}, second + 1: nil} {
		if got := readers(seq); !slices.Equal(got, want) {
			t.Errorf("readers of %d: %v, want %v", seq, got, want)
		}
	}
	refused[*storev1.ListReadersResponse](t, w.as(t.Context(), 0), w, "ListReaders", &storev1.ListReadersRequest{RoomId: room.String(), Seq: 99}, fault.NotFound, "seq")
}

func TestReadersOfALargeRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 101)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	seq := w.send(t, room, 0, "1", "1").GetSeq()
	refused[*storev1.ListReadersResponse](t, w.as(t.Context(), 1), w, "ListReaders", &storev1.ListReadersRequest{RoomId: room.String(), Seq: seq}, fault.PermissionDenied, "roomId")
	w.do(t, w.left(room, 100, 1, "left"))
	call[*storev1.ListReadersResponse](t, w.as(t.Context(), 1), w, "ListReaders", &storev1.ListReadersRequest{RoomId: room.String(), Seq: seq})
}

// Whoever pages through a room, in either direction and in pages of any size, gets every notice once, each with the page
// that it belongs to.
func TestNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	auth := peopletest.StartAuth(t, w.url)
	auth.Add(w.members[1], "Bob")
	room := ids.New[ids.Room]()
	r := rand.New(rand.NewPCG(1, 2))
	version, messages := uint32(0), 0
	next := func() uint32 { version++; return version }
	for i := range 40 {
		switch r.IntN(4) {
		case 0:
			w.do(t, w.joined(room, 1, next(), []string{"member", "moderator"}[i%2], true))
		case 1:
			w.do(t, w.joined(room, 1, next(), "member", false))
		default:
			w.send(t, room, 0, fmt.Sprint(i), "x")
			messages++
		}
	}
	page := func(req *storev1.ListMessagesRequest) *storev1.ListMessagesResponse {
		t.Helper()
		req.RoomId = room.String()
		return call[*storev1.ListMessagesResponse](t, w.as(t.Context(), 0), w, "ListMessages", req)
	}
	whole := page(&storev1.ListMessagesRequest{Limit: 100})
	if len(whole.GetMessages()) != messages || len(whole.GetNotices()) < 5 {
		t.Fatalf("the whole room: %v", whole)
	}
	for _, n := range whole.GetNotices() {
		if n.GetUsers()[0].GetUsername() != "Bob" || n.GetActor().GetUsername() != "Bob" {
			t.Errorf("not today's name: %v", n)
		}
	}
	for limit := range uint32(messages + 1) {
		forward, backward := map[uint32]*chatv1.Notice{}, map[uint32]*chatv1.Notice{}
		collect := func(into map[uint32]*chatv1.Notice, res *storev1.ListMessagesResponse) {
			for _, n := range res.GetNotices() {
				if into[n.GetSeq()] != nil {
					t.Errorf("pages of %d: notice %v came twice", limit+1, n)
				}
				into[n.GetSeq()] = n
			}
		}
		after := &storev1.ListMessagesRequest{After: new(uint32(0)), Limit: limit + 1}
		for res := page(after); ; res = page(after) {
			collect(forward, res)
			if !res.GetMore() {
				break
			}
			after.After = new(res.GetMessages()[0].GetSeq())
		}
		before := &storev1.ListMessagesRequest{Limit: limit + 1}
		for res := page(before); ; res = page(before) {
			collect(backward, res)
			if !res.GetMore() {
				break
			}
			before.Before = new(res.GetMessages()[len(res.GetMessages())-1].GetSeq())
		}
		for _, got := range []map[uint32]*chatv1.Notice{forward, backward} {
			for _, want := range whole.GetNotices() {
				if !proto.Equal(got[want.GetSeq()], want) {
					t.Errorf("pages of %d: %v, want %v", limit+1, got[want.GetSeq()], want)
				}
			}
			if len(got) != len(whole.GetNotices()) {
				t.Errorf("pages of %d: notices %v", limit+1, slices.Collect(maps.Keys(got)))
			}
		}
	}
}
