// Package presence knows which of the people on somebody's screen are there. It costs what is watched, not who is online:
//
//	users' connections here ─ Set ─▶ natter.presence.<user> ─▶ gateways that watch the user ─▶ table ─▶ watchers
//	                                 natter.presence.query  ─▶ every gateway answers with those of the asked that it has
//
// A gateway publishes that its first connection of a user came or its last one went; it subscribes to watched users only.
// Of each of them the table keeps what every gateway said last, so a user is online until the last gateway takes that back
// or dies. What the bus loses is asked for again: after a reconnect, after a dropped message, and from time to time.
package presence

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// kind is the last token of the heartbeats' subject.
const kind = "edge-gateway"

// incoming bounds what waits to be handled; when it is full NATS drops and says so, and everything is asked for again.
const incoming = 4096

// times is how long things take. Those of the protocol are the same on every gateway.
type times struct {
	// beat is the time between two heartbeats.
	beat time.Duration
	// dead is how long a gateway is missed before its users count as gone.
	dead time.Duration
	// linger is how long a user without connections still counts as online: who reloads a page, or whose gateway restarts,
	// is back by then. A dead gateway was waited for long enough.
	linger time.Duration
	// refresh is how often what is watched is asked for again, in case the bus lost a change.
	refresh time.Duration
}

func protocol() times {
	return times{beat: 500 * time.Millisecond, dead: 10 * time.Second, linger: 4 * time.Second, refresh: time.Minute}
}

// State is how much of a user is here.
type State uint8

// The states.
const (
	Offline State = iota
	Away          // connected, but nobody is at any of the clients
	Online
)

// Presence is one gateway's part. It is safe for concurrent use.
type Presence struct {
	nc        *nats.Conn
	self      string
	standings Standings
	log       *slog.Logger
	times     times
	started   time.Time
	changes   chan *nats.Msg
	beats     chan *nats.Msg
	queries   chan *nats.Msg
	subs      []*nats.Subscription
	ask       chan struct{} // somebody is to be asked for
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu      sync.Mutex
	counter uint64 // of the changes here
	here    map[ids.User]here
	seen    map[ids.User]time.Time // who left, for auth
	table   table
}

// here is a user with a connection to this gateway.
type here struct {
	state   State // never Offline
	counter uint64
}

// New returns the gateway's part in presence and starts it; self is the gateway's id on the bus. Close ends it.
func New(nc *nats.Conn, self ids.Instance, standings Standings, log *slog.Logger) (*Presence, error) {
	return start(nc, self, standings, log, protocol())
}

func start(nc *nats.Conn, self ids.Instance, standings Standings, log *slog.Logger, t times) (*Presence, error) {
	p := &Presence{
		nc: nc, self: self.String(), standings: standings, log: log, times: t, started: time.Now(), ask: make(chan struct{}, 1),
		changes: make(chan *nats.Msg, incoming), beats: make(chan *nats.Msg, incoming), queries: make(chan *nats.Msg, incoming),
		here: map[ids.User]here{}, seen: map[ids.User]time.Time{}, table: newTable(),
	}
	for on, messages := range map[string]chan *nats.Msg{subject.Live(kind): p.beats, subject.PresenceQuery: p.queries} {
		sub, err := nc.ChanSubscribe(on, messages)
		if err != nil {
			return nil, err
		}
		p.subs = append(p.subs, sub)
	}
	p.beat(false)
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	for _, job := range []func(context.Context){p.run, p.runAsk, p.runRecord} {
		p.wg.Go(func() { job(ctx) })
	}
	return p, nil
}

// Measure registers the metrics. Call it once.
func (p *Presence) Measure(reg prometheus.Registerer) error {
	gauge := func(name, help string, value func() int) error {
		return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "natter_edge_gateway_" + name, Help: help}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return float64(value())
		}))
	}
	return errors.Join(
		gauge("online_users", "Users with a connection to this gateway.", func() int { return len(p.here) }),
		gauge("watched_users", "Users whose presence somebody here watches.", func() int { return len(p.table.users) }),
	)
}

// Close takes back that anybody is here, and ends what New started. Watchers hear nothing more.
func (p *Presence) Close() {
	p.cancel()
	p.wg.Wait()
	p.beat(true)
	for _, sub := range p.subs {
		_ = sub.Unsubscribe() // the connection ends next
	}
}

// Set says how much of a user is here now. The caller keeps the order of the calls for one user.
func (p *Presence) Set(id ids.User, state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here[id].state == state {
		return
	}
	p.counter++
	if state == Offline {
		delete(p.here, id)
		p.left(id, time.Now())
	} else {
		p.here[id] = here{state, p.counter}
		delete(p.seen, id)
	}
	p.publish(subject.Presence(id), p.change(id, state, p.counter)) // in the order of the counter
}

func (p *Presence) change(id ids.User, state State, counter uint64) *busv1.PresenceChanged {
	return &busv1.PresenceChanged{UserId: id.String(), GatewayId: p.self, Online: state != Offline, Away: state == Away, Counter: counter}
}

// answer tells another gateway who of those it asks for is here.
func (p *Presence) answer(query *nats.Msg) {
	var asked busv1.PresenceQuery
	if err := proto.Unmarshal(query.Data, &asked); err != nil {
		p.log.Warn("unreadable presence query", "error", err)
		return
	}
	snapshot := &busv1.PresenceSnapshot{GatewayId: p.self}
	p.mu.Lock()
	snapshot.Counter = p.counter
	for _, text := range asked.GetUserIds() {
		if id, err := ids.ParseUser(text); err == nil {
			if h, ok := p.here[id]; ok {
				snapshot.Online = append(snapshot.Online, p.change(id, h.state, h.counter))
			}
		}
	}
	p.mu.Unlock()
	p.publish(query.Reply, snapshot)
}

// beat says that this gateway lives. A lost one is followed by the next.
func (p *Presence) beat(leaving bool) {
	p.publish(subject.Live(kind), &busv1.Heartbeat{InstanceId: p.self, Leaving: leaving})
}

func (p *Presence) publish(to string, message proto.Message) {
	data, err := proto.Marshal(message)
	if err == nil {
		err = p.nc.Publish(to, data)
	}
	if err != nil {
		p.log.Debug("presence not published", "error", err) // the bus is closing; others ask again
	}
}

// run handles what comes from the bus and what time brings.
func (p *Presence) run(ctx context.Context) {
	tick := time.NewTicker(p.times.beat)
	defer tick.Stop()
	refresh := time.NewTicker(p.times.refresh)
	defer refresh.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-p.changes:
			p.hear(m)
		case m := <-p.beats:
			p.hearBeat(m)
		case m := <-p.queries:
			p.answer(m)
		case now := <-tick.C:
			p.beat(false)
			p.pass(now)
		case <-refresh.C:
			p.Resync()
		}
	}
}
