package session

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// backend is auth, rooms and message-store as the gateway sees them, over a real bus. All tests of the binary share it and
// keep to their own users and rooms.
type backend struct {
	nc  *nats.Conn
	key ed25519.PrivateKey

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something below changes
	members map[ids.User]map[ids.Room]*roomsv1.Membership
	logs    map[ids.Room]*roomLog
	markers map[ids.User]map[ids.Room]uint32
	revs    map[ids.User]uint32
	wishes  map[ids.User][]*messagestorev1.Marker // as they came
	calls   map[string]int                        // by key
	gates   map[string]chan struct{}              // by key: calls wait until it is closed
}

// roomLog is the log of one room.
type roomLog struct {
	events   []*chatv1.Event
	version  uint32
	requests [][]*busv1.Command // as they came
	silent   bool               // commands are not answered
	mute     bool               // events are not published
}

const (
	testEpoch = "epoch-1"
	// largePages is a room whose history comes in pages of 400 KiB.
	largePages = "01234567-0000-7000-8000-000000000000"
)

func key(call string, id fmt.Stringer) string { return call + " " + id.String() }

// start serves the services' subjects until nc is closed.
func startBackend(nc *nats.Conn) (*backend, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	b := &backend{
		nc: nc, key: private, changed: make(chan struct{}), members: map[ids.User]map[ids.Room]*roomsv1.Membership{},
		logs: map[ids.Room]*roomLog{}, markers: map[ids.User]map[ids.Room]uint32{}, revs: map[ids.User]uint32{}, wishes: map[ids.User][]*messagestorev1.Marker{}, calls: map[string]int{}, gates: map[string]chan struct{}{},
	}
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	var servers [3]*rpc.Server
	for i, name := range []string{"auth", "rooms", "message-store"} {
		if servers[i], err = rpc.NewServer(nc, name, log, reg); err != nil {
			return nil, err
		}
	}
	for _, err := range []error{
		rpc.Handle(servers[0], "GetKeys", b.getKeys), rpc.Handle(servers[1], "ListMemberships", b.listMemberships),
		rpc.Handle(servers[1], "BatchListMemberships", b.batchListMemberships), rpc.Handle(servers[2], "BatchGetHeads", b.batchGetHeads),
		rpc.Handle(servers[2], "GetHeads", b.getHeads), rpc.Handle(servers[2], "GetEvents", b.getEvents),
		rpc.Handle(servers[2], "GetMeta", b.getMeta), rpc.Handle(servers[2], "MoveMarkers", b.moveMarkers),
		rpc.Handle(servers[2], "ListMessages", b.listMessages),
	} {
		if err != nil {
			return nil, err
		}
	}
	if _, err = nc.Subscribe("natter.in.*.*", func(m *nats.Msg) { go b.take(m) }); err != nil {
		return nil, err
	}
	return b, nc.Flush()
}

// enter counts a call and waits at its gate, if there is one.
func (b *backend) enter(ctx context.Context, key string) {
	b.mu.Lock()
	b.calls[key]++
	gate := b.gates[key]
	b.changeLocked()
	b.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
}

func (b *backend) changeLocked() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// hold makes calls of this key wait until release.
func (b *backend) hold(key string) (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gate := make(chan struct{})
	b.gates[key] = gate
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.gates, key)
		close(gate)
	})
}

// until waits until cond, which is called under the backend's lock, holds.
func (b *backend) until(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		ok, changed := cond(), b.changed
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			tb.Fatalf("timed out waiting for %s", what)
		}
	}
}

func (b *backend) untilCalled(tb testing.TB, key string, times int) {
	tb.Helper()
	b.until(tb, fmt.Sprintf("call %d of %s", times, key), func() bool { return b.calls[key] >= times })
}

// ---- the services

func (b *backend) getKeys(context.Context, *authv1.GetKeysRequest) (*authv1.GetKeysResponse, error) {
	public, _ := b.key.Public().(ed25519.PublicKey)
	set, err := authn.EncodeKeys(map[string]ed25519.PublicKey{"k1": public})
	return &authv1.GetKeysResponse{Jwks: set}, err
}

func (b *backend) getMeta(context.Context, *messagestorev1.GetMetaRequest) (*messagestorev1.GetMetaResponse, error) {
	return &messagestorev1.GetMetaResponse{Epoch: testEpoch}, nil
}

func (b *backend) listMemberships(ctx context.Context, r *roomsv1.ListMembershipsRequest) (*roomsv1.ListMembershipsResponse, error) {
	user, err := ids.ParseUser(r.GetUserId())
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	res := &roomsv1.ListMembershipsResponse{}
	all := slices.SortedFunc(maps.Values(b.members[user]), func(x, y *roomsv1.Membership) int {
		return strings.Compare(x.GetRoom().GetId(), y.GetRoom().GetId())
	})
	for _, m := range all {
		id := m.GetRoom().GetId()
		if id <= r.GetAfter() || r.GetRoomId() != "" && r.GetRoomId() != id {
			continue
		}
		if res.More = len(res.GetMemberships()) == int(r.GetLimit()); res.GetMore() {
			break
		}
		res.Memberships = append(res.Memberships, proto.CloneOf(m))
	}
	b.mu.Unlock()
	b.enter(ctx, key("ListMemberships", user)) // after the read: a test can hold an answer that becomes old
	return res, nil
}

func (b *backend) batchListMemberships(ctx context.Context, r *roomsv1.BatchListMembershipsRequest) (*roomsv1.BatchListMembershipsResponse, error) {
	res := &roomsv1.BatchListMembershipsResponse{}
	for _, user := range r.GetUserIds() {
		page, err := b.listMemberships(ctx, &roomsv1.ListMembershipsRequest{UserId: user, Limit: 200})
		if err != nil {
			return nil, err
		}
		res.Users = append(res.Users, page)
	}
	return res, nil
}

func (b *backend) batchGetHeads(ctx context.Context, r *messagestorev1.BatchGetHeadsRequest) (*messagestorev1.BatchGetHeadsResponse, error) {
	res := &messagestorev1.BatchGetHeadsResponse{}
	for _, req := range r.GetRequests() {
		heads, err := b.getHeads(ctx, req)
		if err != nil {
			return nil, err
		}
		res.Responses = append(res.Responses, heads)
	}
	return res, nil
}

func (b *backend) getHeads(_ context.Context, r *messagestorev1.GetHeadsRequest) (*messagestorev1.GetHeadsResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	user, _ := ids.ParseUser(r.GetUserId())
	res := &messagestorev1.GetHeadsResponse{}
	for _, id := range r.GetRoomIds() {
		room, err := ids.ParseRoom(id)
		l, ok := b.logs[room]
		if err != nil || !ok || len(l.events) == 0 {
			continue
		}
		head, read := uint32(len(l.events)), b.markers[user][room]
		res.Heads = append(res.Heads, &messagestorev1.Head{
			RoomId: id, Seq: head, Ordinal: head, ReadSeq: read, Rev: b.revs[user], Unread: head - read, Version: l.version,
		})
	}
	return res, nil
}

func (b *backend) getEvents(ctx context.Context, r *messagestorev1.GetEventsRequest) (*messagestorev1.GetEventsResponse, error) {
	room, err := ids.ParseRoom(r.GetRoomId())
	if err != nil {
		return nil, err
	}
	b.enter(ctx, key("GetEvents", room))
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.logs[room].events
	from := min(int(r.GetAfterSeq()), len(events))
	to, size := from, 0
	for to < min(from+int(r.GetLimit()), len(events)) && size < 256<<10 {
		size += proto.Size(events[to])
		to++
	}
	return &messagestorev1.GetEventsResponse{Events: events[from:to], HeadSeq: uint32(len(events))}, nil
}

func (b *backend) moveMarkers(ctx context.Context, r *messagestorev1.MoveMarkersRequest) (*messagestorev1.MoveMarkersResponse, error) {
	user, err := ids.ParseUser(r.GetUserId())
	if err != nil {
		return nil, err
	}
	b.enter(ctx, key("MoveMarkers", user))
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.markers[user] == nil {
		b.markers[user] = map[ids.Room]uint32{}
	}
	for _, m := range r.GetMarkers() {
		room, err := ids.ParseRoom(m.GetRoomId())
		if err != nil {
			return nil, err
		}
		b.wishes[user] = append(b.wishes[user], m)
		if !m.GetUnread() && !m.GetDelivered() && m.GetThread() == 0 {
			b.markers[user][room] = max(b.markers[user][room], m.GetSeq())
		}
	}
	b.changeLocked()
	return &messagestorev1.MoveMarkersResponse{}, nil
}

// listMessages answers with the asked-for limits, so that tests see what was asked.
func (b *backend) listMessages(ctx context.Context, r *messagestorev1.ListMessagesRequest) (*messagestorev1.ListMessagesResponse, error) {
	caller, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	b.enter(ctx, key("ListMessages", caller.User))
	if r.GetRoomId() == largePages {
		return &messagestorev1.ListMessagesResponse{Messages: []*chatv1.Message{{Content: strings.Repeat("x", 400<<10)}}}, nil
	}
	return &messagestorev1.ListMessagesResponse{
		AsOfSeq: 42, More: true,
		Messages: []*chatv1.Message{{RoomId: r.GetRoomId(), Content: fmt.Sprint(r.GetBefore(), r.GetAfter(), r.GetLimit()), Thread: r.GetThread()}},
		Notices:  []*chatv1.Notice{{Kind: "joined"}},
	}, nil
}

// take is the room log: it appends what is new, publishes it, and answers.
func (b *backend) take(m *nats.Msg) {
	room, ok := subject.ParseIn(m.Subject)
	var ask busv1.Commands
	if !ok || proto.Unmarshal(m.Data, &ask) != nil {
		return
	}
	b.mu.Lock()
	l := b.logs[room]
	if l == nil {
		b.mu.Unlock()
		return
	}
	l.requests = append(l.requests, ask.GetCommands())
	b.mu.Unlock()
	b.enter(context.Background(), key("in", room))
	var answer busv1.Outcomes
	b.mu.Lock()
	silent := l.silent
	for _, c := range ask.GetCommands() {
		if silent {
			break
		}
		answer.Outcomes = append(answer.Outcomes, b.append(room, l, c))
	}
	b.changeLocked()
	b.mu.Unlock()
	if data, err := proto.Marshal(&answer); err == nil && !silent {
		_ = m.Respond(data)
	}
}

// append takes a command by the rule of the log: a nonce once. b.mu is held.
func (b *backend) append(room ids.Room, l *roomLog, c *busv1.Command) *busv1.Outcome {
	ack := func(ev *chatv1.Event, duplicate bool) *busv1.Outcome {
		return &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: ev.GetSeq(), CreatedAt: ev.GetCreatedAt(), Duplicate: duplicate}}}
	}
	for _, ev := range l.events {
		if ev.GetNonce() == c.GetNonce() && ev.GetActor().GetUserId() == c.GetActor().GetUserId() {
			return ack(ev, true)
		}
	}
	ev := &chatv1.Event{Actor: c.GetActor(), Nonce: c.GetNonce()}
	if m := c.GetMessage(); m != nil {
		ev.Body = &chatv1.Event_Message{Message: m}
	}
	return ack(b.commit(room, l, ev), false)
}

// commit appends an event, and publishes it unless the room is mute. b.mu is held.
func (b *backend) commit(room ids.Room, l *roomLog, ev *chatv1.Event) *chatv1.Event {
	ev.RoomId, ev.Seq, ev.CreatedAt = room.String(), uint32(len(l.events)+1), timestamppb.Now()
	l.events = append(l.events, ev)
	if data, err := proto.Marshal(ev); err == nil && !l.mute {
		_ = b.nc.Publish(subject.RoomEvent(room), data)
	}
	return ev
}
