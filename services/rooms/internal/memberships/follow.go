package memberships

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// Follow makes the cache hear of the changes that any instance relays, until the connection ends. When the connection may
// have lost messages, Clear is to be called (bus.OnLoss).
func (c *Cache) Follow(nc *nats.Conn, log *slog.Logger) error {
	_, err := nc.Subscribe(subject.RoomsChanged, func(msg *nats.Msg) {
		var news busv1.RoomChanged
		err := proto.Unmarshal(msg.Data, &news)
		m, p := news.GetMembership(), news.GetPreferences()
		in, err1 := ids.ParseRoom(cmp.Or(m.GetRoomId(), p.GetRoomId()))
		var who ids.User // nobody, when it is about the room
		var err2 error
		if news.GetUserId() != "" {
			who, err2 = ids.ParseUser(news.GetUserId())
		}
		if err != nil || err1 != nil || err2 != nil {
			log.Warn("unreadable change of a room")
			return
		}
		switch {
		case p != nil:
			if c.Preferred(in, who, p.GetPreferences().GetRev()) {
				again(nc, who, &busv1.UserEvent{Event: &busv1.UserEvent_Preferences{Preferences: p}})
			}
		case c.Changed(in, m.GetVersion(), who, role.Role(m.GetRole())):
			again(nc, who, &busv1.UserEvent{Event: &busv1.UserEvent_Membership{Membership: m}})
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to changes of rooms: %w", err)
	}
	return nil
}

// again tells the gateways of a user once more: they may have asked after the first time, and been answered by a cache
// that was told later than they.
func again(nc *nats.Conn, who ids.User, event *busv1.UserEvent) {
	data, err := proto.Marshal(event)
	if err == nil {
		_ = nc.Publish(subject.UserEvent(who), data) // fails when the bus is away, and the gateways will ask anyhow
	}
}
