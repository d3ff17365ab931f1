// Package intake takes commands off the bus and sends the answers back.
package intake

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// Pipeline is where commands go. Submit must not block: it runs on the subscription's goroutine.
type Pipeline interface {
	Submit(room ids.Room, commands []*busv1.Command, reply func([]*busv1.Outcome))
}

// Intake is the subscriptions of an instance. Its methods are called by one goroutine at a time.
type Intake struct {
	nc       *nats.Conn
	pipeline Pipeline
	log      *slog.Logger
	any      *nats.Subscription
	owned    [subject.Partitions]*nats.Subscription
}

// Open takes the commands that anybody may take. Own adds those of owned partitions.
func Open(nc *nats.Conn, pipeline Pipeline, log *slog.Logger) (*Intake, error) {
	in := &Intake{nc: nc, pipeline: pipeline, log: log}
	var err error
	if in.any, err = nc.QueueSubscribe(subject.InAnyAll, subject.OwnerQueue, in.receive); err != nil {
		return nil, fmt.Errorf("subscribe %s: %w", subject.InAnyAll, err)
	}
	return in, nil
}

// Own begins to take the commands of the gained partitions and stops taking those of the lost ones; what was delivered
// already is still handled.
func (in *Intake) Own(gained, lost []int) error {
	for _, p := range gained {
		if in.owned[p] != nil {
			continue // an earlier attempt got this far
		}
		sub, err := in.nc.QueueSubscribe(subject.InPartition(p), subject.OwnerQueue, in.receive)
		if err != nil {
			return fmt.Errorf("subscribe %s: %w", subject.InPartition(p), err)
		}
		in.owned[p] = sub
	}
	for _, p := range lost {
		if in.owned[p] == nil {
			continue
		}
		if err := in.owned[p].Drain(); err != nil {
			return fmt.Errorf("drain %s: %w", subject.InPartition(p), err)
		}
		in.owned[p] = nil
	}
	return in.nc.Flush()
}

// Close takes no more commands and returns when those that were delivered are with the pipeline, or when ctx ends.
func (in *Intake) Close(ctx context.Context) error {
	var closing []chan struct{}
	for _, sub := range append(in.owned[:], in.any) {
		if sub == nil {
			continue
		}
		closed := make(chan struct{})
		sub.SetClosedHandler(func(string) { close(closed) })
		if sub.Drain() == nil { // otherwise the connection is closed: nothing comes any more
			closing = append(closing, closed)
		}
	}
	for _, closed := range closing {
		select {
		case <-closed:
		case <-ctx.Done():
			return fmt.Errorf("drain commands: %w", ctx.Err())
		}
	}
	return nil
}

// receive hands the commands of one message to the pipeline.
func (in *Intake) receive(m *nats.Msg) {
	reply := func(outcomes []*busv1.Outcome) {
		data, err := proto.Marshal(&busv1.Outcomes{Outcomes: outcomes})
		if err == nil {
			err = m.Respond(data)
		}
		if err != nil {
			// The sender asks again with the same nonces.
			in.log.Warn("answer not sent", "subject", m.Subject, "error", err)
		}
	}
	refuse := func(f *fault.Fault) {
		reply([]*busv1.Outcome{{Result: &busv1.Outcome_Fault{Fault: rpc.ToProto(f)}}})
	}
	room, ok := subject.ParseIn(m.Subject)
	if !ok {
		refuse(fault.Invalid("roomId", "is not a room's id"))
		return
	}
	var commands busv1.Commands
	if err := proto.Unmarshal(m.Data, &commands); err != nil {
		refuse(fault.Invalid("commands", "cannot be decoded"))
		return
	}
	if len(commands.GetCommands()) == 0 {
		refuse(fault.Invalid("commands", "are missing"))
		return
	}
	in.pipeline.Submit(room, commands.GetCommands(), reply)
}
