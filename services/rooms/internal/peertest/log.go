package peertest

import (
	"slices"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/roomlog"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// Fault is what happens to one request.
type Fault int

// The faults.
const (
	None       Fault = iota
	LoseAsk          // nothing is written, nobody answers
	LoseAnswer       // it is written, but nobody answers
	Refuse           // the last command is answered with a fault, those before it are written
)

// Log is message-store: it takes a room's version after the last, no other, and misbehaves as told.
type Log struct {
	tb testing.TB

	mu       sync.Mutex
	events   map[string][]*busv1.Command // by room
	faults   []Fault                     // of the next requests
	refused  []string                    // rooms
	requests int
}

// StartLog answers on every room's subjects, as the owner and as any, until stop is called or tb ends.
func StartLog(tb testing.TB, nc *nats.Conn) (log *Log, stop func()) {
	tb.Helper()
	log = &Log{tb: tb, events: map[string][]*busv1.Command{}}
	stop = log.Resume(nc)
	return log, stop
}

// Resume answers (again) with the events that there are.
func (l *Log) Resume(nc *nats.Conn) (stop func()) {
	l.tb.Helper()
	sub, err := nc.QueueSubscribe("natter.in.*.*", subject.OwnerQueue, l.handle)
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		l.tb.Fatal(err)
	}
	return func() {
		if err := sub.Drain(); err != nil {
			l.tb.Error(err)
		}
		if err := nc.Flush(); err != nil {
			l.tb.Error(err)
		}
	}
}

// Fail makes the next requests go wrong, one each.
func (l *Log) Fail(faults ...Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, faults...)
}

// RefuseRoom makes every command of a room be refused, from now on.
func (l *Log) RefuseRoom(room string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = append(l.refused, room)
}

// Events is the log of a room.
func (l *Log) Events(room string) []*busv1.Command {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events[room])
}

// Requests is how many requests came.
func (l *Log) Requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests
}

func (l *Log) handle(m *nats.Msg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	f := None
	if len(l.faults) > 0 {
		f, l.faults = l.faults[0], l.faults[1:]
	}
	var ask busv1.Commands
	if err := proto.Unmarshal(m.Data, &ask); err != nil {
		l.tb.Errorf("commands: %v", err)
		return
	}
	if f == LoseAsk {
		return
	}
	var answer busv1.Outcomes
	for i, c := range ask.GetCommands() {
		if len(ask.GetCommands()) > roomlog.MaxCommands || slices.Contains(l.refused, c.GetRoomId()) || f == Refuse && i == len(ask.GetCommands())-1 {
			answer.Outcomes = append(answer.Outcomes, refusal(fault.New(fault.Conflict, "refused by the test")))
			continue
		}
		answer.Outcomes = append(answer.Outcomes, l.append(c))
	}
	if f == LoseAnswer {
		return
	}
	data, err := proto.Marshal(&answer)
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		l.tb.Errorf("answer: %v", err)
	}
}

// append takes the version after the last, acknowledges those before as duplicates, and refuses every other.
func (l *Log) append(c *busv1.Command) *busv1.Outcome {
	events := l.events[c.GetRoomId()]
	last, version := uint32(len(events)), Version(c)
	if c.GetNonce() != bus.VersionNonce(version) {
		l.tb.Errorf("nonce %q of version %d", c.GetNonce(), version)
	}
	switch {
	case version > last+1:
		return refusal(fault.New(fault.Conflict, "version %d after %d", version, last))
	case version <= last:
		if !proto.Equal(events[version-1], c) {
			return refusal(fault.New(fault.Conflict, "version %d with another content", version))
		}
		return &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: version, Duplicate: true}}}
	}
	l.events[c.GetRoomId()] = append(events, c)
	return &busv1.Outcome{Result: &busv1.Outcome_Ack{Ack: &busv1.Ack{Seq: version}}}
}

func refusal(f *fault.Fault) *busv1.Outcome {
	return &busv1.Outcome{Result: &busv1.Outcome_Fault{Fault: rpc.ToProto(f)}}
}

// Version is the room's version that a command carries.
func Version(c *busv1.Command) uint32 {
	switch body := c.GetBody().(type) {
	case *busv1.Command_MemberJoined:
		return body.MemberJoined.GetVersion()
	case *busv1.Command_MemberLeft:
		return body.MemberLeft.GetVersion()
	case *busv1.Command_RoomUpdated:
		return body.RoomUpdated.GetVersion()
	}
	return 0
}
