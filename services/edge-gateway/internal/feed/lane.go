package feed

import (
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// runLane hands what arrives for the lane's rooms to their feeds.
func (h *Hub) runLane(lane <-chan *nats.Msg) {
	for {
		select {
		case <-h.ctx.Done():
			return
		case msg := <-lane:
			h.dispatch(msg)
		}
	}
}

func (h *Hub) dispatch(msg *nats.Msg) {
	room, isSignal, ok := subject.ParseRoom(msg.Subject)
	if !ok {
		return
	}
	f := h.get(room)
	if f == nil {
		return // unsubscribed a moment ago
	}
	if isSignal {
		var s busv1.RoomSignal
		if err := proto.Unmarshal(msg.Data, &s); err != nil {
			h.log.Warn("unreadable signal", "room", room, "error", err)
			return
		}
		if from, err := ids.ParseUser(s.GetUserId()); err == nil {
			f.signal(from, signalFrame(room, &s))
		}
		return
	}
	ev := &chatv1.Event{}
	if err := proto.Unmarshal(msg.Data, ev); err != nil {
		h.log.Error("unreadable event", "room", room, "error", err)
		return
	}
	f.receive(ev, msg.Data)
}

func signalFrame(room ids.Room, s *busv1.RoomSignal) *Frame {
	if r := s.GetReceipt(); r != nil {
		return NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Receipt{Receipt: &clientv1.Receipt{
			RoomId: room.String(), UserId: s.GetUserId(), ReadSeq: r.GetReadSeq(), DeliveredSeq: r.GetDeliveredSeq(),
		}}})
	}
	if user := s.GetProfile(); user != nil {
		return NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Profile{Profile: &clientv1.Profile{User: user}}})
	}
	return NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Signal{Signal: &clientv1.Signal{
		RoomId: room.String(), UserId: s.GetUserId(), Typing: s.GetTyping(),
	}}})
}
