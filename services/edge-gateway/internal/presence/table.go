package presence

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/nats-io/nats.go"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Watcher is told of the users it watches. Enqueue must not block, nor call Presence.
type Watcher interface{ Enqueue(*feed.Frame) }

// table is what is known of watched users.
type table struct {
	users    map[ids.User]*watched
	watching map[Watcher]map[ids.User]struct{}
	// gateways are the living, and when each was heard last.
	gateways map[string]time.Time
	// leaving are users without connections that still count as online.
	leaving map[ids.User]*watched
	// unknown are users to ask all gateways for.
	unknown map[ids.User]struct{}
}

// watched is a user that somebody here watches.
type watched struct {
	id       ids.User
	sub      *nats.Subscription
	watchers map[Watcher]struct{}
	// said is what each gateway said last.
	said map[string]said
	// isKnown: the gateways were asked; until then nothing is told.
	isKnown  bool
	status   *chatv1.Status
	statusAt time.Time // when auth last said it by itself
	lastSeen time.Time
	// offlineAt is when a user who is leaving has left.
	offlineAt time.Time
	// told is the last that watchers heard.
	told *clientv1.Presence
}

// said is a gateway's word on a user.
type said struct {
	state   State
	counter uint64
}

func newTable() table {
	return table{
		users: map[ids.User]*watched{}, watching: map[Watcher]map[ids.User]struct{}{}, gateways: map[string]time.Time{},
		leaving: map[ids.User]*watched{}, unknown: map[ids.User]struct{}{},
	}
}

// state is the most that any gateway says.
func (w *watched) state() State {
	most := Offline
	for _, s := range w.said {
		most = max(most, s.state)
	}
	return most
}

// presence is what watchers are to know.
func (w *watched) presence(now time.Time) *clientv1.Presence {
	state := w.state()
	p := &clientv1.Presence{UserId: w.id.String(), Online: state != Offline, Away: state == Away, Status: w.status}
	if !p.GetOnline() && now.Before(w.offlineAt) { // as they were
		p.Online, p.Away = true, w.told.GetAway()
	}
	if !p.GetOnline() && !w.lastSeen.IsZero() {
		p.LastSeen = timestamppb.New(w.lastSeen)
	}
	if until := p.GetStatus().GetExpiresAt(); until != nil && !until.AsTime().After(now) {
		p.Status = nil
	}
	return p
}

// tell sends a user's presence to all who watch, if it is another one than they know. p.mu is held.
func (w *watched) tell(now time.Time) {
	next := w.presence(now)
	if !w.isKnown || proto.Equal(next, w.told) {
		return
	}
	w.told = next
	frame := frameOf(next)
	for to := range w.watchers {
		to.Enqueue(frame)
	}
}

func frameOf(p *clientv1.Presence) *feed.Frame {
	return feed.NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Presence{Presence: p}})
}

// take notes what a gateway says of a user, unless it said something newer before. A gateway that speaks lives.
func (t *table) take(w *watched, gateway string, s said, now time.Time) {
	t.gateways[gateway] = now
	if before, ok := w.said[gateway]; !ok || before.counter < s.counter {
		w.said[gateway] = s
	}
}

// settle works out what becomes of a user after the gateways' words on them changed. Who is offline everywhere lingers for
// a while. p.mu is held.
func (t *table) settle(w *watched, now time.Time, wait time.Duration) {
	switch {
	case w.state() != Offline:
		w.offlineAt = time.Time{}
		delete(t.leaving, w.id)
	case w.told.GetOnline() && w.offlineAt.IsZero():
		w.lastSeen, w.offlineAt = now, now.Add(wait)
		t.leaving[w.id] = w
	}
	w.tell(now)
}

// hear takes a change of a watched user.
func (p *Presence) hear(m *nats.Msg) {
	var c busv1.PresenceChanged
	if err := proto.Unmarshal(m.Data, &c); err != nil {
		p.log.Warn("unreadable presence", "error", err)
		return
	}
	id, err := ids.ParseUser(c.GetUserId())
	if err != nil {
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.table.users[id]
	if w == nil {
		return // nobody watches any more
	}
	if c.GetGatewayId() == "" {
		w.status, w.statusAt = c.GetStatus(), now
		w.tell(now)
		return
	}
	p.table.take(w, c.GetGatewayId(), said{stateOf(&c), c.GetCounter()}, now)
	p.table.settle(w, now, p.times.linger)
}

func stateOf(c *busv1.PresenceChanged) State {
	switch {
	case !c.GetOnline():
		return Offline
	case c.GetAway():
		return Away
	}
	return Online
}

// hearBeat takes a gateway's heartbeat.
func (p *Presence) hearBeat(m *nats.Msg) {
	var beat busv1.Heartbeat
	if err := proto.Unmarshal(m.Data, &beat); err != nil {
		p.log.Warn("unreadable heartbeat", "error", err)
		return
	}
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if beat.GetLeaving() {
		p.table.bury(beat.GetInstanceId(), now, p.times.linger)
		return
	}
	p.table.gateways[beat.GetInstanceId()] = now
}

// bury forgets a gateway and all it said.
func (t *table) bury(gateway string, now time.Time, wait time.Duration) {
	delete(t.gateways, gateway)
	for _, w := range t.users {
		if _, ok := w.said[gateway]; ok {
			delete(w.said, gateway)
			t.settle(w, now, wait)
		}
	}
}

// pass does what time brings: gateways that are silent are dead, users who have not come back are offline, statuses expire.
func (p *Presence) pass(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.table
	for gateway, heard := range t.gateways {
		switch {
		case !p.nc.IsConnected(): // it is us who hear nothing
			t.gateways[gateway] = now
		case now.Sub(heard) > p.times.dead:
			p.log.Warn("a gateway is gone; its users are offline unless they came back elsewhere", "gateway", gateway)
			t.bury(gateway, now, 0)
		}
	}
	for id, w := range t.leaving {
		if !now.Before(w.offlineAt) {
			delete(t.leaving, id)
			w.tell(now)
		}
	}
	for _, w := range t.users {
		if until := w.told.GetStatus().GetExpiresAt(); until != nil && !until.AsTime().After(now) {
			w.tell(now)
		}
	}
}
