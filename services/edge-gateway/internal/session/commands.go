package session

import (
	"math"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// maxNonce is the longest nonce, in bytes.
const maxNonce = 64

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

// newCommand turns a client's frame into a command on the bus.
func (s *session) newCommand(f *clientv1.ClientFrame) (ids.Room, *busv1.Command, error) {
	who := s.caller()
	c := &busv1.Command{Actor: &chatv1.Actor{UserId: who.User.String(), Username: who.Username, Avatar: who.Avatar}}
	var field string
	switch body := f.GetFrame().(type) {
	case *clientv1.ClientFrame_Send:
		m := body.Send
		field, c.RoomId, c.Nonce = "send", m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Message{Message: &chatv1.MessagePosted{
			Content: m.GetContent(), Type: m.GetType(), FileUrl: m.GetFileUrl(), ReplyTo: m.GetReplyTo(), Thread: m.GetThread(),
		}}
	case *clientv1.ClientFrame_Edit:
		m := body.Edit
		field, c.RoomId, c.Nonce = "edit", m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: m.GetSeq(), Content: m.GetContent()}}
	case *clientv1.ClientFrame_Delete:
		m := body.Delete
		field, c.RoomId, c.Nonce = "delete", m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: m.GetSeq()}}
	case *clientv1.ClientFrame_React:
		m := body.React
		field, c.RoomId, c.Nonce = "react", m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Reaction{Reaction: &chatv1.ReactionChanged{Seq: m.GetSeq(), Emoji: m.GetEmoji(), Removed: m.GetRemove()}}
	case *clientv1.ClientFrame_Pin:
		m := body.Pin
		field, c.RoomId, c.Nonce = "pin", m.GetRoomId(), m.GetNonce()
		c.Body = &busv1.Command_Pinned{Pinned: &chatv1.PinChanged{Seq: m.GetSeq(), Removed: m.GetRemove()}}
	}
	room, err := ids.ParseRoom(c.GetRoomId())
	if err != nil {
		return room, nil, fault.Invalid(field+".roomId", "a room id is %v", err)
	}
	if n := len(c.GetNonce()); n == 0 || n > maxNonce {
		return room, nil, fault.Invalid(field+".nonce", "a nonce has 1 to %d bytes; use a UUID", maxNonce)
	}
	if strings.HasPrefix(c.GetNonce(), bus.ReservedNoncePrefix) {
		return room, nil, fault.Invalid(field+".nonce", "a nonce does not begin with %s", bus.ReservedNoncePrefix)
	}
	return room, c, nil
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
		ack := outcomes[i].GetAck()
		s.reply(p.id, &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Ack{Ack: &clientv1.Ack{
			RoomId: p.command.GetRoomId(), Nonce: p.command.GetNonce(), Seq: ack.GetSeq(), CreatedAt: ack.GetCreatedAt(),
			Duplicate: ack.GetDuplicate(),
		}}})
	}
}
