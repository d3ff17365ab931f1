// Package own is the calls of the HTTP API that the gateway answers by itself, instead of passing them on as rpcs: those of
// natter.edge_gateway.v1.
package own

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/services/edge-gateway/internal/command"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	edgegatewayv1 "github.com/natter-chat/natter/proto/gen/natter/edge_gateway/v1"
)

// Log takes commands into the logs of rooms: a *roomlog.Sender.
type Log interface {
	Send(ctx context.Context, room ids.Room, commands []*busv1.Command) ([]*busv1.Outcome, error)
}

// Calls answers them. It is safe for concurrent use.
type Calls struct{ Log Log }

// Call is rest.Caller for the gateway's own methods, for the caller in ctx.
func (c Calls) Call(ctx context.Context, _, method string, req, res proto.Message) error {
	if send, ok := req.(*edgegatewayv1.SendMessageRequest); ok {
		ack, err := c.send(ctx, send)
		if err != nil {
			return err
		}
		proto.Merge(res, ack)
		return nil
	}
	return fault.New(fault.Unimplemented, "%s is not a method of the gateway", method)
}

// send is the frame of the same name.
func (c Calls) send(ctx context.Context, r *edgegatewayv1.SendMessageRequest) (*clientv1.Ack, error) {
	who, err := rpc.Caller(ctx)
	if err != nil {
		return nil, err
	}
	nonce := r.GetNonce()
	if nonce == "" {
		nonce = uuid.NewString()
	}
	room, cmd, err := command.Of(&clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{
		RoomId: r.GetRoomId(), Nonce: nonce, Content: r.GetContent(), Type: r.GetType(), FileUrl: r.GetFileUrl(),
		ReplyTo: r.GetReplyTo(), Thread: r.GetThread(),
	}}}, who)
	if err != nil {
		return nil, err
	}
	outcomes, err := c.Log.Send(ctx, room, []*busv1.Command{cmd})
	if err != nil {
		return nil, err
	}
	if ack := outcomes[0].GetAck(); ack != nil {
		return command.Ack(cmd, ack), nil
	}
	return nil, rpc.FromProto(outcomes[0].GetFault())
}
