package session

import (
	"errors"
	"math"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/edge-gateway/internal/command"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// What of one connection and room travels together at most: commands, and bytes (NATS takes 1 MiB). A command is smaller
// than the frame it came in.
const (
	maxBatch      = roomlog.MaxCommands
	maxBatchBytes = 512 << 10
)

// commands are the mutations of one connection that wait for their ack, per room. Those of one room keep their order:
// one request is under way at a time, and what comes meanwhile goes together in the next. When a request fails for good,
// its outcome is open, so those that waited behind it fail as aborted: they must not overtake it.
type commands struct {
	mu    sync.Mutex
	rooms map[ids.Room]*[]pending
	count int
}

// pending is a command that waits for its ack.
type pending struct {
	id      uint32
	command *busv1.Command
	size    int // of the command, in bytes
	began   time.Time
}

// command takes a mutation: it checks what can be checked here and sends it on its way. Membership, roles and the target
// are message-store's to judge, at commit.
func (s *session) command(f *clientv1.ClientFrame) {
	room, command, err := s.newCommand(f)
	if err == nil {
		err = s.queueCommand(room, pending{id: f.GetId(), command: command, size: proto.Size(command), began: time.Now()})
	}
	if err != nil {
		s.fail(f.GetId(), err)
		s.srv.metrics.commands.WithLabelValues(outcome(err)).Observe(0)
	}
}

// newCommand turns a client's frame into a command on the bus. A fault names the field with its frame: send.nonce.
func (s *session) newCommand(f *clientv1.ClientFrame) (ids.Room, *busv1.Command, error) {
	room, c, err := command.Of(f, s.caller())
	if wrong, ok := errors.AsType[*fault.Fault](err); ok {
		m := f.ProtoReflect()
		frame := m.WhichOneof(m.Descriptor().Oneofs().ByName("frame"))
		wrong.Field = frame.JSONName() + "." + wrong.Field
	}
	return room, c, err
}

// queueCommand puts a command behind those of its room, and starts the sender of the room if none runs.
func (s *session) queueCommand(room ids.Room, p pending) error {
	q := &s.commands
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count >= s.srv.cfg.InFlight {
		return fault.New(fault.ResourceExhausted, "more than %d commands wait for their ack", s.srv.cfg.InFlight).WithRetryAfter(100 * time.Millisecond)
	}
	if wait := s.buckets.commands.Take(s.srv.limits.now(), 1); wait > 0 {
		return fault.New(fault.ResourceExhausted, "too many commands at once").WithRetryAfter(wait)
	}
	q.count++
	if waiting, ok := q.rooms[room]; ok {
		*waiting = append(*waiting, p)
		return nil
	}
	if q.rooms == nil {
		q.rooms = map[ids.Room]*[]pending{}
	}
	q.rooms[room] = &[]pending{p}
	s.wg.Add(1)
	s.srv.workers.do(func() {
		defer s.wg.Done()
		s.sendCommands(room)
	})
	return nil
}

// sendCommands sends the commands of one room, a batch at a time, until none waits.
func (s *session) sendCommands(room ids.Room) {
	for {
		batch := s.takeBatch(room, maxBatch, maxBatchBytes)
		if len(batch) == 0 {
			return
		}
		list := make([]*busv1.Command, len(batch))
		for i, p := range batch {
			list[i] = p.command
		}
		outcomes, err := s.srv.sender.Send(s.ctx, room, list)
		if err != nil {
			s.settle(batch, nil, err)
			behind := s.takeBatch(room, math.MaxInt, math.MaxInt)
			s.settle(behind, nil, fault.New(fault.Aborted, "an earlier command to this room failed; send again in order"))
			if len(behind) == 0 {
				return
			}
			continue
		}
		s.settle(batch, outcomes, nil)
	}
}

// takeBatch takes commands of a room from the front, up to a number and (but for the first) a size; when there is none, the
// room's sender has ended.
func (s *session) takeBatch(room ids.Room, count, size int) []pending {
	q := &s.commands
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.rooms[room]
	if len(*waiting) == 0 {
		delete(q.rooms, room)
		return nil
	}
	n := 0
	for n < len(*waiting) && n < count && (n == 0 || (*waiting)[n].size <= size) {
		size -= (*waiting)[n].size
		n++
	}
	batch := (*waiting)[:n:n]
	*waiting = (*waiting)[n:]
	return batch
}

// settle answers a batch: each command by its outcome, or all of them with err.
func (s *session) settle(batch []pending, outcomes []*busv1.Outcome, err error) {
	s.commands.mu.Lock()
	s.commands.count -= len(batch)
	s.commands.mu.Unlock()
	for i, p := range batch {
		failure := err
		if failure == nil && outcomes[i].GetAck() == nil {
			failure = rpc.FromProto(outcomes[i].GetFault())
		}
		s.srv.metrics.commands.WithLabelValues(outcome(failure)).Observe(time.Since(p.began).Seconds())
		if failure != nil {
			s.fail(p.id, failure)
			continue
		}
		s.reply(p.id, &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Ack{Ack: command.Ack(p.command, outcomes[i].GetAck())}})
	}
}
