package scenario

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/permission"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// The one process dies in the middle of load, three times.
func TestKillTheOneProcess(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	l := startLoad(t, s, 4, 3)
	for range 3 {
		l.acks(200)
		s.processes[0].kill()
		s.processes[0].start(t)
	}
	l.acks(200)
	l.finish()
}

// One of two message-stores dies under load; then it comes back and the other one dies.
func TestKillAMessageStore(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	l := startLoad(t, s, 4, 3)
	for _, store := range s.stores {
		l.acks(200)
		store.kill()
		l.acks(200)
		store.start(t)
	}
	l.acks(200)
	l.finish()
}

// One of two gateways dies under load: its clients resume on the other and miss nothing.
func TestKillAGateway(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	l := startLoad(t, s, 4, 3)
	l.acks(200)
	s.gateways[0].kill()
	l.acks(200)
	s.gateways[0].start(t)
	s.gateways[1].terminate() // and the other one drains
	l.acks(200)
	l.finish()
}

// The gateways lose NATS for a while; what was committed meanwhile arrives soon after they have it back.
func TestGatewayLosesNATS(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	room := ada.newRoom(t, bob)
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{})
	b.event(room, a.say(room, "before").GetSeq())

	wire := s.wires["nats-edge-gateway-2"]
	for round := range 5 { // a beacon of message-store might do for one
		wire.setCut(true)
		var last uint32
		for i := range 20 {
			last = a.say(room, fmt.Sprint("unheard ", round, i)).GetSeq()
		}
		wire.setCut(false)
		within(t, 5*time.Second, "the gateway is back on NATS", func() error {
			if status, body := s.gateways[1].get(t.Context(), "/readyz"); status != 200 {
				return fmt.Errorf("%d %s", status, body)
			}
			return nil
		})
		// 2 s is the promise; a machine that is busy with other tests gets twice that. A beacon would take up to 5 s.
		within(t, 4*time.Second, "the missed events", func() error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if list := b.events[room]; list[len(list)-1].GetSeq() < last {
				return fmt.Errorf("at %d of %d", list[len(list)-1].GetSeq(), last)
			}
			return nil
		})
	}
}

// A message-store dies between commit and publish, and the sender never comes back: the event still arrives.
func TestKilledBetweenCommitAndPublish(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	room := ada.newRoom(t, bob)
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{})
	seq := a.say(room, "before").GetSeq()
	b.event(room, seq)

	// Nothing that message-store 1 says reaches anybody any more; the other one is gone, so it gets the command.
	s.stores[1].kill()
	a.say(room, "now everything goes to the first")
	s.wires["nats-message-store-1"].setMute(true)
	nc, err := bus.Connect(t.Context(), s.bus.Config(permission.EdgeGateway), permission.EdgeGateway, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	id, err := ids.ParseRoom(room)
	if err != nil {
		t.Fatal(err)
	}
	data, err := proto.Marshal(&busv1.Commands{Commands: []*busv1.Command{{
		RoomId: room, Actor: &chatv1.Actor{UserId: ada.id, Username: ada.name}, Nonce: "of a sender that is gone",
		Body: &busv1.Command_Message{Message: &chatv1.MessagePosted{Content: "committed, never published", Type: "text"}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	before := s.stores[0].commits(t)
	for _, to := range []string{subject.In(id), subject.InAny(id)} {
		if err := nc.Publish(to, data); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a commit", func() error {
		if now := s.stores[0].commits(t); now == before {
			return fmt.Errorf("still %s", now)
		}
		return nil
	})
	s.stores[0].kill()
	s.stores[1].start(t)
	within(t, 10*time.Second, "the event", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		list := b.events[room]
		if last := list[len(list)-1]; last.GetMessage().GetContent() != "committed, never published" {
			return fmt.Errorf("the last event is %v", last)
		}
		return nil
	})
}
