package feed

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// deadAfter is how long an instance of message-store may be silent; it sends a heartbeat every 500 ms.
const deadAfter = 2 * time.Second

// watch listens for what tells that events may have been lost between commit and publish: beacons that are ahead, and
// instances of message-store that come or go.
func (h *Hub) watch() error {
	const bound = 1024 // a lost beacon or heartbeat is repeated
	heads, hearts := make(chan *nats.Msg, bound), make(chan *nats.Msg, bound)
	beacons, err1 := h.nc.ChanSubscribe(subject.HeadAll, heads)
	live, err2 := h.nc.ChanSubscribe(subject.Live("message-store"), hearts)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	h.watches = []*nats.Subscription{beacons, live}
	h.wg.Go(func() { h.runWatch(heads, hearts) })
	return nil
}

func (h *Hub) runWatch(heads, hearts <-chan *nats.Msg) {
	tick := time.NewTicker(deadAfter / 2)
	defer tick.Stop()
	seen := map[string]time.Time{}
	for {
		select {
		case <-h.ctx.Done():
			return
		case msg := <-heads:
			h.readBeacon(msg)
		case msg := <-hearts:
			var beat busv1.Heartbeat
			if err := proto.Unmarshal(msg.Data, &beat); err != nil {
				h.log.Warn("unreadable heartbeat", "error", err)
				continue
			}
			_, known := seen[beat.GetInstanceId()]
			seen[beat.GetInstanceId()] = time.Now()
			if beat.GetLeaving() {
				delete(seen, beat.GetInstanceId())
			}
			if known == beat.GetLeaving() { // came, or went
				h.Resync()
			}
		case now := <-tick.C:
			for id, at := range seen {
				if now.Sub(at) > deadAfter {
					delete(seen, id)
					h.Resync()
				}
			}
		}
	}
}

func (h *Hub) readBeacon(msg *nats.Msg) {
	var beacon busv1.Beacon
	if err := proto.Unmarshal(msg.Data, &beacon); err != nil {
		h.log.Warn("unreadable beacon", "error", err)
		return
	}
	for _, head := range beacon.GetHeads() {
		if room, err := ids.ParseRoom(head.GetRoomId()); err == nil {
			h.notice(room, head.GetSeq())
		}
	}
}
