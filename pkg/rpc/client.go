package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

const (
	// defaultTimeout is how long a call without a deadline waits.
	defaultTimeout = 5 * time.Second
	// maxTimeout is the longest a handler may work, whatever its caller says.
	maxTimeout = 30 * time.Second
	// retryAfter is what callers are told when a service is away.
	retryAfter = time.Second
)

// Client calls methods of services. It is safe for concurrent use.
type Client struct{ nc *nats.Conn }

// NewClient returns a client on this connection.
func NewClient(nc *nats.Conn) *Client { return &Client{nc: nc} }

// Call asks a service and returns its reply. Errors are faults: those of the service as it said them; Unavailable when
// no instance listens, the bus is away, or none answered in time (then the outcome is unknown).
func Call[Res proto.Message](ctx context.Context, c *Client, service, method string, req proto.Message) (Res, error) {
	var zero Res
	res, _ := zero.ProtoReflect().New().Interface().(Res)
	if err := c.Call(ctx, service, method, req, res); err != nil {
		return zero, err
	}
	return res, nil
}

// Call is the untyped form, for callers that know the types only by name: it fills res.
func (c *Client) Call(ctx context.Context, service, method string, req, res proto.Message) error {
	op := service + "." + method
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
	}
	data, err := proto.Marshal(req)
	if err != nil {
		return fault.E(fault.InvalidArgument, op, err)
	}
	reply, err := c.nc.RequestMsgWithContext(ctx, &nats.Msg{Subject: subject.RPC(service, method), Header: clientHeader(ctx), Data: data})
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return fault.E(fault.Unavailable, op, ctx.Err())
		}
		return unavailable(op, err)
	}
	if reply.Header.Get(micro.ErrorCodeHeader) != "" {
		var p busv1.Fault
		if err := proto.Unmarshal(reply.Data, &p); err != nil {
			return fault.E(fault.Internal, op, err)
		}
		return FromProto(&p)
	}
	return fault.E(fault.Internal, op, proto.Unmarshal(reply.Data, res))
}

// unavailable is what a caller is told when there was no answer in time, whichever side noticed it first.
func unavailable(op string, err error) *fault.Fault {
	return fault.New(fault.Unavailable, "the service is not available right now; try again").WithRetryAfter(retryAfter).WithCause(op, err)
}
