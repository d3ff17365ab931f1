package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// ownEvery is how often the markers of those who sent something are moved: one write for all they sent in between.
	ownEvery = time.Second
	// maxMoves is how many markers one write moves: it holds up the commits of a lane on SQLite.
	maxMoves = 500
	// maxReceiptRoom is the largest room in which everybody is told who has read how far.
	maxReceiptRoom = 100
)

// markerMover moves read markers and tells the user's other devices. What somebody sent or joined they have read: these
// moves are gathered and made off the path of the send; a crash loses at most a second of them.
type markerMover struct {
	log    Log
	bus    Publisher
	beacon *beacon
	logger *slog.Logger

	mu   sync.Mutex
	sent map[store.Reader]uint32
}

func newMarkerMover(log Log, bus Publisher, b *beacon, logger *slog.Logger) *markerMover {
	return &markerMover{log: log, bus: bus, beacon: b, logger: logger, sent: map[store.Reader]uint32{}}
}

// own notes that the sender of a message has read up to it. Who joins a room starts there, not with all of its history.
func (m *markerMover) own(e *store.Event) {
	var user ids.User
	switch e.Kind {
	case store.KindMessage:
		if e.Thread > 0 {
			return // who answers in a thread has not read what the room said meanwhile
		}
		user = e.Actor.User
	case store.KindMemberJoined:
		user = e.Member.User
	default:
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[store.Reader{User: user, Room: e.Room}] = e.Seq
}

// run moves what own gathered, and once more at the end.
func (m *markerMover) run(ctx context.Context) {
	tick := time.NewTicker(ownEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			m.flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			m.flush(ctx)
		}
	}
}

func (m *markerMover) flush(ctx context.Context) {
	m.mu.Lock()
	sent := m.sent
	m.sent = make(map[store.Reader]uint32, len(sent))
	m.mu.Unlock()
	moves := make([]store.Move, 0, min(len(sent), maxMoves))
	send := func() {
		moved, err := m.log.MoveMarkers(ctx, moves)
		if err != nil {
			m.logger.WarnContext(ctx, "own markers not moved", "count", len(moves), "error", err)
		}
		m.tell(moved, false)
		moves = moves[:0]
	}
	for who, seq := range sent {
		if moves = append(moves, store.Move{User: who.User, Room: who.Room, Seq: seq}); len(moves) == maxMoves {
			send()
		}
	}
	if len(moves) > 0 {
		send()
	}
}

// move moves markers that users moved themselves, and tells small rooms.
func (m *markerMover) move(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	moved, err := m.log.MoveMarkers(ctx, moves)
	m.tell(moved, true) // also when some could not be moved
	return moved, err
}

// tell publishes moved markers: to the devices of their users and the memories of the instances, and as receipts to small rooms that are active here. Both
// may be lost: devices read their markers when they connect.
func (m *markerMover) tell(moved []store.Moved, receipts bool) {
	for _, at := range moved {
		a := m.beacon.get(at.Room)
		unread := uint32(0)
		if a.head.Ordinal > at.Ordinal {
			unread = a.head.Ordinal - at.Ordinal
		}
		m.publish(subject.UserEvent(at.User), &busv1.UserEvent{Event: &busv1.UserEvent_Marker{
			Marker: &busv1.MarkerMoved{RoomId: at.Room.String(), ReadSeq: at.Seq, Unread: unread, Ordinal: at.Ordinal},
		}})
		if receipts && a.members > 0 && a.members <= maxReceiptRoom {
			m.publish(subject.RoomSignal(at.Room), &busv1.RoomSignal{UserId: at.User.String(), Signal: &busv1.RoomSignal_Receipt{
				Receipt: &busv1.ReceiptMoved{ReadSeq: at.Seq, DeliveredSeq: at.Seq},
			}})
		}
	}
}

func (m *markerMover) publish(to string, message proto.Message) {
	if data, err := proto.Marshal(message); err == nil {
		_ = m.bus.Publish(to, data)
	}
}
