// Package relay carries changes of rooms from the outbox into the rooms' logs, in version order, and tells the users
// they concern.
//
//	transaction ──▶ outbox ──▶ Deliver: natter.in.<partition>.<room> ──ack──▶ natter.user.<user>.event, natter.rooms.changed ──▶ row deleted
//	                   └─────▶ Run: what nobody delivered within 2 s (a crash, message-store away)
//
// Any number of instances may relay the same rows at the same time: the log takes only the version after its last, and
// acknowledges one it has as a duplicate.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// batch is how many commands go out at once: with names and avatars they stay far below a message of the bus (1 MiB).
const batch = roomlog.MaxCommands

// Relay delivers changes. It is safe for concurrent use.
type Relay struct {
	outbox  store.Outbox
	sender  *roomlog.Sender
	nc      *nats.Conn
	log     *slog.Logger
	metrics *metrics

	// interval is between two sweeps for rows older than age.
	interval, age time.Duration

	mu    sync.Mutex
	lanes map[ids.Room]*lane
}

// lane is a room that someone delivers: one at a time per process, so that what gathers meanwhile goes out together.
type lane struct {
	turn  chan struct{} // holds a token while it is someone's turn
	users int           // how many deliver or wait; guarded by Relay.mu
	acked uint32        // the log has everything up to this version; guarded by turn
}

// New returns a relay. Its Run sweeps; Deliver works without it.
func New(outbox store.Outbox, nc *nats.Conn, log *slog.Logger, reg prometheus.Registerer) (*Relay, error) {
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	return &Relay{
		outbox: outbox, sender: roomlog.NewSender(nc), nc: nc, log: log, metrics: m,
		interval: time.Second, age: 2 * time.Second,
		lanes: map[ids.Room]*lane{},
	}, nil
}

// Deliver returns when a version of a room, and with it all before it, is in the room's log. An error is a fault; the
// change stays in the outbox then, and Run will deliver it.
func (r *Relay) Deliver(ctx context.Context, room ids.Room, version uint32) error {
	l := r.enter(room)
	defer r.exit(room, l)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fault.E(fault.Unavailable, "relay.Deliver", ctx.Err())
	}
	for l.acked < version {
		pending, err := r.outbox.Pending(ctx, room, batch)
		if err != nil {
			return err
		}
		if len(pending) == 0 || pending[0].Version > version {
			return nil // another relay was here
		}
		if err := r.send(ctx, room, l, pending); err != nil && l.acked < version {
			return err
		}
	}
	return nil
}

// everything is the version to Deliver when all of a room's outbox is meant.
const everything = math.MaxUint32

func (r *Relay) enter(room ids.Room) *lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lanes[room]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		r.lanes[room] = l
	}
	l.users++
	return l
}

func (r *Relay) exit(room ids.Room, l *lane) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(r.lanes, room)
	}
}

// send puts pending, the oldest changes of a room, into its log, and forgets those that it acknowledged.
func (r *Relay) send(ctx context.Context, room ids.Room, l *lane, pending []store.Pending) error {
	commands := make([]*busv1.Command, len(pending))
	for i, p := range pending {
		commands[i] = &busv1.Command{}
		if err := proto.Unmarshal(p.Command, commands[i]); err != nil {
			return fault.E(fault.Internal, "relay.send", fmt.Errorf("outbox version %d: %w", p.Version, err))
		}
	}
	outcomes, err := r.sender.Send(ctx, room, commands)
	if err != nil {
		r.metrics.commands.WithLabelValues(unanswered).Add(float64(len(commands)))
		return err
	}
	acked := uint32(0)
	var refusal error
	for i, o := range outcomes {
		ack := o.GetAck()
		if ack == nil {
			refusal = r.reportRefusal(room, pending[i].Version, rpc.FromProto(o.GetFault()))
			break // those after it build on it
		}
		r.metrics.acked(ack.GetDuplicate())
		acked = pending[i].Version
		r.announce(commands[i])
	}
	if acked == 0 {
		return refusal
	}
	l.acked = acked
	if err := r.outbox.Acked(ctx, room, acked); err != nil {
		return err // sent again later, and then a duplicate
	}
	return refusal
}

// reportRefusal reports a change that the log does not take. Unavailable passes; anything else needs a person, because no
// change of the room gets through before this one.
func (r *Relay) reportRefusal(room ids.Room, version uint32, f *fault.Fault) error {
	r.metrics.commands.WithLabelValues(refused).Inc()
	if f.Code != fault.Unavailable {
		r.log.Error("the log refuses a change of a room", "room", room, "version", version, "error", f)
	}
	return f
}

// announce tells what became of a room: the instances of rooms, which remember it, then the gateways of the user who joined
// or left, who ask them. It comes before the row is deleted, so that a crash repeats it; listeners ignore a version they know.
func (r *Relay) announce(c *busv1.Command) {
	changed := &busv1.MembershipChanged{RoomId: c.GetRoomId()}
	news := &busv1.RoomChanged{Membership: changed}
	switch body := c.GetBody().(type) {
	case *busv1.Command_MemberJoined:
		news.UserId, changed.Role, changed.Version = body.MemberJoined.GetUser().GetId(), body.MemberJoined.GetRole(), body.MemberJoined.GetVersion()
	case *busv1.Command_MemberLeft:
		news.UserId, changed.Version = body.MemberLeft.GetUser().GetId(), body.MemberLeft.GetVersion()
	case *busv1.Command_RoomUpdated:
		changed.Version = body.RoomUpdated.GetVersion()
	}
	err := r.publish(subject.RoomsChanged, news)
	if news.GetUserId() != "" {
		user, bad := ids.ParseUser(news.GetUserId())
		if bad != nil {
			r.log.Error("a membership event without a user", "room", c.GetRoomId(), "version", changed.GetVersion())
			return
		}
		err = errors.Join(err, r.publish(subject.UserEvent(user), &busv1.UserEvent{Event: &busv1.UserEvent_Membership{Membership: changed}}))
	}
	if err != nil { // who missed it asks again after a reconnect
		r.log.Warn("a change of a room is not announced", "error", err)
	}
}

func (r *Relay) publish(subject string, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	return r.nc.Publish(subject, data)
}
