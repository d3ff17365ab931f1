package messagestore_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
	messagestore "github.com/natter-chat/natter/services/message-store"
)

// world is a bus with a rooms service on it, in which every room has these members, and a client of message-store.
type world struct {
	url     string
	nc      *nats.Conn
	rpc     *rpc.Client
	sender  *roomlog.Sender
	members []ids.User
}

func newWorld(tb testing.TB, members int) *world {
	tb.Helper()
	w := &world{url: testkit.NATS(tb)}
	log := slog.New(slog.DiscardHandler)
	var err error
	if w.nc, err = bus.Connect(tb.Context(), bus.Config{URL: w.url}, "test", log); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.nc.Close)
	w.rpc, w.sender = rpc.NewClient(w.nc), roomlog.NewSender(w.nc)
	snapshot := &roomsv1.GetSnapshotResponse{}
	for range members {
		user := ids.New[ids.User]()
		w.members = append(w.members, user)
		snapshot.Members = append(snapshot.Members, &roomsv1.SnapshotMember{UserId: user[:], Role: "member"})
	}
	rooms, err := rpc.NewServer(w.nc, "rooms", log, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	if err := rpc.Handle(rooms, "GetSnapshot", func(_ context.Context, req *roomsv1.GetSnapshotRequest) (*roomsv1.GetSnapshotResponse, error) {
		return &roomsv1.GetSnapshotResponse{Version: req.GetLogVersion(), Members: snapshot.GetMembers()}, nil
	}); err != nil {
		tb.Fatal(err)
	}
	return w
}

// start runs message-store; stop ends it in good order, and is called by the test's cleanup if the test does not.
func (w *world) start(tb testing.TB, settings map[string]string) (stop func()) {
	tb.Helper()
	settings["NATTER_NATS_URL"] = w.url
	runner, err := messagestore.Component.New(tb.Context(), &app.Deps{
		Config: config.NewSource(settings), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Ready: &app.Readiness{}, Grace: 10 * time.Second,
	})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("stop: %v", err)
		}
	})
	tb.Cleanup(stop)
	return stop
}

func (w *world) message(room ids.Room, user int, nonce, content string) *busv1.Command {
	return &busv1.Command{
		RoomId: room.String(), Nonce: nonce, Actor: &chatv1.Actor{UserId: w.members[user].String(), Username: "somebody"},
		Body: &busv1.Command_Message{Message: &chatv1.MessagePosted{Content: content, Type: "text"}},
	}
}

// send sends a message that must be acknowledged.
func (w *world) send(tb testing.TB, room ids.Room, user int, nonce, content string) *busv1.Ack {
	tb.Helper()
	outcomes, err := w.sender.Send(tb.Context(), room, []*busv1.Command{w.message(room, user, nonce, content)})
	if err != nil || outcomes[0].GetAck() == nil {
		tb.Fatalf("send: %v %v", outcomes, err)
	}
	return outcomes[0].GetAck()
}

func call[Res proto.Message](tb testing.TB, ctx context.Context, w *world, method string, req proto.Message) Res {
	tb.Helper()
	res, err := rpc.Call[Res](ctx, w.rpc, "message-store", method, req)
	if err != nil {
		tb.Fatalf("%s: %v", method, err)
	}
	return res
}

// engines are the settings of either store, for several instances of one test.
func engines() map[string]func(*testing.T) map[string]string {
	return map[string]func(*testing.T) map[string]string{
		"sqlite": func(t *testing.T) map[string]string { return map[string]string{"NATTER_DATA_DIR": t.TempDir()} },
		"mongo":  func(t *testing.T) map[string]string { return map[string]string{"NATTER_MONGODB_URL": testkit.Mongo(t)} },
	}
}

// From a command on the bus to the event, the ack, history, heads, markers.
func TestService(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.start(t, settings(t))
			room := ids.New[ids.Room]()
			events := make(chan *nats.Msg, 10)
			if _, err := w.nc.ChanSubscribe(subject.RoomEvent(room), events); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if ack := w.send(t, room, 0, fmt.Sprint(i), fmt.Sprint("message ", i)); ack.GetSeq() != uint32(i+1) {
					t.Fatalf("ack %v", ack)
				}
				var e chatv1.Event
				if err := proto.Unmarshal((<-events).Data, &e); err != nil || e.GetSeq() != uint32(i+1) || e.GetMessage().GetContent() != fmt.Sprint("message ", i) {
					t.Fatalf("event %v, %v", &e, err)
				}
			}
			w.reads(t, room)
		})
	}
}

func (w *world) reads(t *testing.T, room ids.Room) {
	t.Helper()
	member := rpc.WithCaller(t.Context(), authn.Caller{User: w.members[1]})
	page := call[*storev1.ListMessagesResponse](t, member, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), Limit: 2})
	if m := page.GetMessages(); len(m) != 2 || m[0].GetContent() != "message 2" || m[0].GetId() != room.String()+":3" || !page.GetMore() || page.GetAsOfSeq() != 3 {
		t.Errorf("newest page: %v", page)
	}
	page = call[*storev1.ListMessagesResponse](t, member, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), After: new(uint32(1))})
	if m := page.GetMessages(); len(m) != 2 || m[1].GetSeq() != 2 || page.GetMore() {
		t.Errorf("page after 1: %v", page)
	}
	log := call[*storev1.GetEventsResponse](t, t.Context(), w, "GetEvents", &storev1.GetEventsRequest{RoomId: room.String(), AfterSeq: 1, Limit: 1})
	if e := log.GetEvents(); len(e) != 1 || e[0].GetSeq() != 2 || e[0].GetNonce() != "1" || log.GetHeadSeq() != 3 {
		t.Errorf("events: %v", log)
	}
	moved := call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
		UserId: w.members[1].String(), Markers: []*storev1.Marker{{RoomId: room.String(), Seq: 2}},
	})
	heads := call[*storev1.GetHeadsResponse](t, t.Context(), w, "GetHeads", &storev1.GetHeadsRequest{
		RoomIds: []string{room.String(), ids.New[ids.Room]().String()}, UserId: w.members[1].String(),
	})
	for _, got := range [][]*storev1.Head{moved.GetHeads(), heads.GetHeads()} {
		if len(got) != 1 || got[0].GetSeq() != 3 || got[0].GetReadSeq() != 2 || got[0].GetUnread() != 1 {
			t.Errorf("heads: %v", got)
		}
	}
	if meta := call[*storev1.GetMetaResponse](t, t.Context(), w, "GetMeta", &storev1.GetMetaRequest{}); meta.GetEpoch() == "" {
		t.Error("no epoch")
	}
}

func TestRefusedCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	w.send(t, room, 0, "a", "hi")
	member := rpc.WithCaller(t.Context(), authn.Caller{User: w.members[0]})
	stranger := rpc.WithCaller(t.Context(), authn.Caller{User: ids.New[ids.User]()})
	zero := new(uint32(0))
	for name, tt := range map[string]struct {
		ctx    context.Context //nolint:containedctx // the caller is in it
		method string
		req    proto.Message
		want   fault.Code
		field  string
	}{
		"nobody":       {t.Context(), "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()}, fault.Unauthenticated, ""},
		"stranger":     {stranger, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String()}, fault.PermissionDenied, ""},
		"wildcard":     {member, "ListMessages", &storev1.ListMessagesRequest{RoomId: "*"}, fault.InvalidArgument, "roomId"},
		"both ends":    {member, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), Before: zero, After: zero}, fault.InvalidArgument, "after"},
		"large page":   {member, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), Limit: 101}, fault.InvalidArgument, "limit"},
		"many heads":   {t.Context(), "GetHeads", &storev1.GetHeadsRequest{RoomIds: make([]string, 501)}, fault.InvalidArgument, "roomIds"},
		"large batch":  {t.Context(), "BatchGetHeads", &storev1.BatchGetHeadsRequest{Requests: []*storev1.GetHeadsRequest{{RoomIds: make([]string, 2001)}}}, fault.InvalidArgument, "requests"},
		"nobody reads": {t.Context(), "MoveMarkers", &storev1.MoveMarkersRequest{UserId: "x"}, fault.InvalidArgument, "userId"},
	} {
		var err error
		switch tt.method {
		case "ListMessages":
			_, err = rpc.Call[*storev1.ListMessagesResponse](tt.ctx, w.rpc, "message-store", tt.method, tt.req)
		case "GetHeads":
			_, err = rpc.Call[*storev1.GetHeadsResponse](tt.ctx, w.rpc, "message-store", tt.method, tt.req)
		case "BatchGetHeads":
			_, err = rpc.Call[*storev1.BatchGetHeadsResponse](tt.ctx, w.rpc, "message-store", tt.method, tt.req)
		default:
			_, err = rpc.Call[*storev1.MoveMarkersResponse](tt.ctx, w.rpc, "message-store", tt.method, tt.req)
		}
		if f := fault.From(err); err == nil || f.Code != tt.want || f.Field != tt.field {
			t.Errorf("%s: %v, want %s of %q", name, err, tt.want, tt.field)
		}
	}
	// A stranger's markers are left out, not refused: they may have left the room a moment ago.
	res := call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
		UserId: ids.New[ids.User]().String(), Markers: []*storev1.Marker{{RoomId: room.String(), Seq: 1}},
	})
	if len(res.GetHeads()) != 0 {
		t.Errorf("a stranger's markers: %v", res)
	}
}

// Replies stay below what the bus takes, whatever is in them; the rest comes with the next page.
func TestLargeReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.start(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	room := ids.New[ids.Room]()
	const messages = 100
	for i := range messages {
		w.send(t, room, 0, fmt.Sprint(i), strings.Repeat("x", 8<<10))
	}
	var after uint32
	for pages := 0; after < messages; pages++ {
		log := call[*storev1.GetEventsResponse](t, t.Context(), w, "GetEvents", &storev1.GetEventsRequest{RoomId: room.String(), AfterSeq: after})
		if n := len(log.GetEvents()); n == 0 || log.GetEvents()[0].GetSeq() != after+1 || pages > 3 {
			t.Fatalf("page %d after %d has %d events", pages, after, n)
		}
		after += uint32(len(log.GetEvents()))
	}
	member := rpc.WithCaller(t.Context(), authn.Caller{User: w.members[0]})
	page := call[*storev1.ListMessagesResponse](t, member, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), Limit: 100})
	if m := page.GetMessages(); !page.GetMore() || m[0].GetSeq() != messages || len(m) < 50 {
		t.Errorf("newest page: %d messages, more=%t", len(m), page.GetMore())
	}
	page = call[*storev1.ListMessagesResponse](t, member, w, "ListMessages", &storev1.ListMessagesRequest{RoomId: room.String(), After: new(uint32(0)), Limit: 100})
	if m := page.GetMessages(); !page.GetMore() || m[len(m)-1].GetSeq() != 1 || len(m) < 50 {
		t.Errorf("oldest page: %d messages, more=%t, from %d", len(m), page.GetMore(), m[len(m)-1].GetSeq())
	}
}

// Each of two instances remembers markers, and hears of those that the other moves. Which of them answers is chance.
func TestMarkersMoveEverywhere(t *testing.T) {
	t.Parallel()
	w, cfg := newWorld(t, 2), map[string]string{"NATTER_DATA_DIR": t.TempDir()}
	w.start(t, cfg)
	w.start(t, cfg)
	room, reader := ids.New[ids.Room](), w.members[1].String()
	req := &storev1.BatchGetHeadsRequest{Requests: []*storev1.GetHeadsRequest{
		{UserId: reader, RoomIds: []string{room.String(), ids.New[ids.Room]().String()}}, {UserId: w.members[0].String(), RoomIds: []string{room.String()}},
	}}
	read := func() (readSeq, unread uint32) {
		res := call[*storev1.BatchGetHeadsResponse](t, t.Context(), w, "BatchGetHeads", req).GetResponses()
		if len(res) != 2 || len(res[0].GetHeads()) != 1 || len(res[1].GetHeads()) != 1 {
			t.Fatalf("heads %v", res)
		}
		return res[0].GetHeads()[0].GetReadSeq(), res[0].GetHeads()[0].GetUnread()
	}
	// until polls until both have said so, most likely.
	until := func(readSeq, unread uint32) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for same := 0; same < 8; same++ {
			if at, n := read(); at != readSeq || n != unread {
				if same = 0; time.Now().After(deadline) {
					t.Fatalf("read up to %d with %d unread, want %d with %d", at, n, readSeq, unread)
				}
			}
		}
	}
	last := uint32(0)
	for i := range 5 {
		seq := w.send(t, room, 0, fmt.Sprint(i), "x").GetSeq()
		until(last, 1)
		call[*storev1.MoveMarkersResponse](t, t.Context(), w, "MoveMarkers", &storev1.MoveMarkersRequest{
			UserId: reader, Markers: []*storev1.Marker{{RoomId: room.String(), Seq: seq}},
		})
		until(seq, 0)
		last = seq
	}
}

// Two instances share the partitions; when one leaves in the middle of load, nothing fails and nothing is lost.
func TestInstanceLeavesUnderLoad(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, cfg := newWorld(t, 1), settings(t)
			stop := w.start(t, cfg)
			w.start(t, cfg)
			const rooms, each = 4, 25
			var wg sync.WaitGroup
			for range rooms {
				room := ids.New[ids.Room]()
				wg.Go(func() {
					for i := range each {
						if ack := w.send(t, room, 0, fmt.Sprint(i), "x"); ack.GetSeq() != uint32(i+1) {
							t.Errorf("message %d has seq %d", i, ack.GetSeq())
							return
						}
					}
				})
			}
			stop()
			wg.Wait()
		})
	}
}

func TestStartAndStopManyTimes(t *testing.T) {
	t.Parallel()
	w, dir := newWorld(t, 1), t.TempDir()
	room := ids.New[ids.Room]()
	for i := range 20 {
		stop := w.start(t, map[string]string{"NATTER_DATA_DIR": dir})
		if ack := w.send(t, room, 0, fmt.Sprint(i), "x"); ack.GetSeq() != uint32(i+1) {
			t.Fatalf("start %d: ack %v", i, ack)
		}
		stop()
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for name, value := range map[string]string{"NATTER_MESSAGE_CONTENT": "1MiB", "NATTER_MONGODB_URL": "postgres://x", "NATTER_DATA_DIR": "/dev/null/x", "NATTER_ROOM_PINS": "0", "NATTER_SAVED_MESSAGES": "10001"} {
		_, err := messagestore.Component.New(t.Context(), &app.Deps{
			Config: config.NewSource(map[string]string{"NATTER_NATS_URL": w.url, name: value}), Log: slog.New(slog.DiscardHandler),
			Metrics: prometheus.NewRegistry(), Ready: &app.Readiness{}, Grace: time.Second,
		})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
