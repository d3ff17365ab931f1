// Package peers listens to the other instances of message-store: what they do makes what this one remembers old.
package peers

import (
	"errors"
	"log/slog"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// Markers hears of markers that moved.
type Markers interface {
	Moved(who store.Reader, to store.Marker)
}

// Heads hears of the heads that other instances know.
type Heads interface {
	Heard(room ids.Room, seq uint32)
}

// Mentions hears whom messages call.
type Mentions interface {
	Changed(c store.Calling)
}

// Follow listens until the connection ends. What the connection may have lost is no concern of it (bus.OnLoss).
func Follow(nc *nats.Conn, markers Markers, mentions Mentions, heads Heads, log *slog.Logger) error {
	_, err1 := nc.Subscribe(subject.UserEventAll, func(msg *nats.Msg) {
		var ev busv1.UserEvent
		user, ok := subject.ParseUser(msg.Subject)
		if err := proto.Unmarshal(msg.Data, &ev); err != nil || !ok {
			log.Warn("unreadable user event", "error", err)
			return
		}
		m := ev.GetMarker()
		if room, err := ids.ParseRoom(m.GetRoomId()); err == nil { // else the event is about something else
			markers.Moved(store.Reader{User: user, Room: room, Thread: m.GetThread()},
				store.Marker{Seq: m.GetReadSeq(), Ordinal: m.GetOrdinal(), Rev: m.GetRev(), Held: m.GetHeld()})
		}
	})
	_, err2 := nc.Subscribe(subject.HeadAll, func(msg *nats.Msg) {
		var beacon busv1.Beacon
		if err := proto.Unmarshal(msg.Data, &beacon); err != nil {
			log.Warn("unreadable beacon", "error", err)
			return
		}
		for _, head := range beacon.GetHeads() {
			if room, err := ids.ParseRoom(head.GetRoomId()); err == nil {
				heads.Heard(room, head.GetSeq())
			}
		}
	})
	_, err3 := nc.Subscribe(subject.MentionsChanged, func(msg *nats.Msg) {
		var changed busv1.MentionsChanged
		err := proto.Unmarshal(msg.Data, &changed)
		var c store.Calling
		if err == nil {
			c, err = wire.ParseCalling(&changed)
		}
		if err != nil {
			log.Warn("unreadable change of mentions", "error", err)
			return
		}
		mentions.Changed(c)
	})
	return errors.Join(err1, err2, err3)
}
