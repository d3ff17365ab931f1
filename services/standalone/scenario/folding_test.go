package scenario

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/client"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// TestFolding: a page and the events since are what the server answers later, whatever happens in between, in the room and
// in its threads.
func TestFolding(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		h := &lively{t: t, rand: rand.New(rand.NewPCG(seed, 0)), roots: map[uint32]bool{}}
		for i, name := range []string{"ada", "bob", "cyd"} {
			p := newPerson(t, s.gatewayURL(i), name)
			h.people = append(h.people, p)
			if name != "cyd" { // who comes and goes
				h.devices = append(h.devices, p.connect(t, client.ConnOptions{}))
			}
		}
		h.room = h.people[0].newRoom(t, h.people[1:]...)
		for _, d := range h.devices {
			d.knows(h.room)
		}
		var pages []*clientv1.Page
		for range 12 {
			for range 6 {
				h.step()
			}
			pages = append(pages, h.fetch(0))
			for root := range h.roots {
				pages = append(pages, h.fetch(root))
			}
		}
		for _, from := range pages {
			h.check(from)
		}
	})
}

// lively is a room in which random things happen. Its first person owns it, the last comes and goes.
type lively struct {
	t       *testing.T
	rand    *rand.Rand
	people  []*person
	devices []*device
	room    string
	said    []uint32        // seqs of messages, deleted ones too
	roots   map[uint32]bool // those that have a thread
	isAway  bool            // the last person has left
}

// step makes one thing happen, or not: what is refused is no event.
func (h *lively) step() {
	ctx := h.t.Context()
	d := h.devices[h.rand.IntN(len(h.devices))]
	emoji := []string{"👍", "🎉", "👀"}[h.rand.IntN(3)]
	undo := h.rand.IntN(3) == 0
	switch n := h.rand.IntN(20); {
	case n < 8 || len(h.said) == 0:
		h.say(d)
	case n < 11:
		_, _ = d.Edit(ctx, h.room, h.any(), fmt.Sprint("edited ", h.rand.IntN(1000)))
	case n < 12:
		_, _ = d.Delete(ctx, h.room, h.any())
	case n < 16:
		_, _ = d.React(ctx, h.room, h.any(), emoji, undo)
	case n < 17:
		_, _ = h.devices[0].Pin(ctx, h.room, h.any(), undo)
	case n < 18:
		if _, err := h.people[0].UpdateRoom(ctx, &roomsv1.UpdateRoomRequest{RoomId: h.room, Topic: new(fmt.Sprint(h.rand.IntN(100)))}); err != nil {
			h.t.Fatal(err)
		}
	case n < 19:
		role := []string{"member", "moderator"}[h.rand.IntN(2)]
		if _, err := h.people[0].SetRole(ctx, h.room, h.people[1].id, role); err != nil {
			h.t.Fatal(err)
		}
	default:
		err := h.people[2].LeaveRoom(ctx, h.room)
		if h.isAway {
			_, err = h.people[2].JoinRoom(ctx, h.room)
		}
		if h.isAway = !h.isAway; err != nil {
			h.t.Fatal(err)
		}
	}
}

// say sends a message, now and then as a reply or in a thread. A thread of a deleted message takes no more.
func (h *lively) say(d *device) {
	var opts []client.SendOption
	var root uint32
	if len(h.said) > 0 && h.rand.IntN(3) == 0 {
		opts = append(opts, client.ReplyTo(h.any()))
	}
	if len(h.said) > 0 && h.rand.IntN(3) == 0 {
		root = h.said[h.rand.IntN(min(3, len(h.said)))]
		opts = append(opts, client.InThread(root))
	}
	ack, err := d.Send(h.t.Context(), h.room, fmt.Sprint("message ", len(h.said), " 👋"), opts...)
	if err != nil {
		return
	}
	h.said = append(h.said, ack.GetSeq())
	if root != 0 {
		h.roots[root] = true
	}
}

func (h *lively) any() uint32 { return h.said[h.rand.IntN(len(h.said))] }

func (h *lively) fetch(thread uint32) *clientv1.Page {
	h.t.Helper()
	page, err := h.devices[0].Fetch(h.t.Context(), h.room, client.Which{Limit: 100, Thread: thread})
	if err != nil {
		h.t.Fatal(err)
	}
	return page
}

// check folds what happened since a page into it.
func (h *lively) check(from *clientv1.Page) {
	h.t.Helper()
	want := h.fetch(from.GetThread())
	h.devices[0].event(h.room, want.GetAsOfSeq())
	timeline := client.NewTimeline(from)
	for _, e := range h.devices[0].got(h.room) {
		if e.GetSeq() <= want.GetAsOfSeq() && !timeline.Apply(e) {
			h.t.Fatalf("event %d does not follow %d", e.GetSeq(), timeline.AsOf)
		}
	}
	got := timeline.Page()
	for i, m := range want.GetMessages() {
		if i >= len(got.GetMessages()) {
			break
		}
		if got.GetMessages()[i].GetQuote() == nil && timeline.Message(m.GetReplyTo()) == nil {
			m.Quote = nil // of a message that the timeline does not have
		}
		if !proto.Equal(got.GetMessages()[i], m) {
			h.t.Errorf("message %d:\n got %v\nwant %v", m.GetSeq(), got.GetMessages()[i], m)
		}
	}
	if !proto.Equal(got, want) {
		h.t.Fatalf("thread %d from %d to %d is not what the server says:\n got %d messages, more %t, notices %v\nwant %d messages, more %t, notices %v",
			from.GetThread(), from.GetAsOfSeq(), want.GetAsOfSeq(), len(got.GetMessages()), got.GetMore(), got.GetNotices(),
			len(want.GetMessages()), want.GetMore(), want.GetNotices())
	}
}
