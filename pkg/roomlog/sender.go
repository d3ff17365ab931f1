// Package roomlog sends commands into the logs of rooms. The gateway uses it for what people write, rooms for
// membership; message-store is at the other end.
//
//	Send ──▶ natter.in.<partition>.<room>   the owner of the partition
//	  └────▶ natter.in.any.<room>           any instance, when the owner is away or silent for a second
//
// Every attempt carries the same nonces, and the log takes a nonce once: sending again is always safe.
package roomlog

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// MaxCommands is how many commands one request may have; message-store refuses more.
const MaxCommands = 64

const (
	defaultSilence = time.Second
	defaultBudget  = 5 * time.Second
	// pause is between two attempts when nobody listens or the bus is away: both are found out at once.
	pause = 100 * time.Millisecond
	// retryAfter is the least that callers are told to wait when the budget ran out; up to as much again is added, so
	// that those who failed together do not come back together.
	retryAfter = time.Second
)

// Sender sends commands to whichever message-store answers. It is safe for concurrent use; set the fields before that.
type Sender struct {
	// Silence is how long an attempt waits for an answer before the commands go to another instance.
	Silence time.Duration
	// Budget is how long Send tries altogether; an earlier deadline of its context counts too.
	Budget time.Duration

	nc *nats.Conn
}

// NewSender returns a sender with the times of the protocol: 1 s of silence, 5 s in all.
func NewSender(nc *nats.Conn) *Sender {
	return &Sender{Silence: defaultSilence, Budget: defaultBudget, nc: nc}
}

// Send asks for the commands of one room to be applied in this order and returns what became of each: as many outcomes
// as commands, in the same order. It waits for the answer; whoever needs the order of two calls makes the second after
// the first returned. An error is a fault and leaves every outcome open, so repeat with the same nonces: Unavailable
// when nobody answered in time or ctx ended. There are at most MaxCommands, and together they must fit one message of the
// bus (1 MiB).
func (s *Sender) Send(ctx context.Context, room ids.Room, commands []*busv1.Command) ([]*busv1.Outcome, error) {
	const op = "roomlog.Send"
	payload, err := proto.Marshal(&busv1.Commands{Commands: commands})
	if err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Budget)
	defer cancel()
	to := subject.In(room)
	for {
		reply, err := s.attempt(ctx, to, payload)
		switch {
		case err == nil:
			return decode(reply.Data, len(commands))
		case errors.Is(err, nats.ErrMaxPayload):
			return nil, fault.E(fault.Internal, op, err)
		case ctx.Err() != nil, errors.Is(err, nats.ErrConnectionClosed):
			return nil, unavailable(op, fmt.Errorf("%s: %w", to, errors.Join(ctx.Err(), err)))
		}
		// Silence took its time already. When the owner is away, any instance is asked at once.
		if !errors.Is(err, context.DeadlineExceeded) && to == subject.InAny(room) {
			wait(ctx, pause)
		}
		to = subject.InAny(room)
	}
}

// attempt makes one request. Silence is context.DeadlineExceeded.
func (s *Sender) attempt(ctx context.Context, to string, payload []byte) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Silence)
	defer cancel()
	return s.nc.RequestWithContext(ctx, to, payload)
}

func decode(data []byte, commands int) ([]*busv1.Outcome, error) {
	const op = "roomlog.Send"
	var answer busv1.Outcomes
	if err := proto.Unmarshal(data, &answer); err != nil {
		return nil, fault.E(fault.Internal, op, err)
	}
	if got := len(answer.GetOutcomes()); got != commands {
		return nil, fault.E(fault.Internal, op, fmt.Errorf("%d outcomes for %d commands", got, commands))
	}
	return answer.GetOutcomes(), nil
}

func unavailable(op string, err error) error {
	return fault.New(fault.Unavailable, "the room's log is not available right now; try again").
		WithRetryAfter(retryAfter+rand.N(retryAfter)).WithCause(op, err)
}

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
