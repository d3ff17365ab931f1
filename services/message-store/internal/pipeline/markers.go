package pipeline

import (
	"context"
	"log/slog"
	"maps"
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
	// maxOwn bounds what is kept while the store takes no markers: 100 bytes each.
	maxOwn = 100_000
	// MaxReceiptRoom is the largest room in which everybody is told who has read, and received, how far.
	MaxReceiptRoom = 100
)

// writtenWithin is how long ago an event was written, at most, that the marker of its sender is moved to: while the store
// takes no markers, they wait. It is less than what Mentions remembers without a question to the store.
const writtenWithin = 5 * time.Minute

// Now is what a room is when a marker in it moves.
type Now struct {
	Head    store.Head
	Members int
}

// markerMover moves markers and tells the user's other devices. What somebody sent or joined they have read: these moves
// are gathered and made off the path of the send; until they are, ahead knows of them. A crash loses at most a second of
// them.
type markerMover struct {
	log      Log
	bus      Publisher
	mentions Mentions
	beacon   *beacon
	logger   *slog.Logger
	joined   chan struct{} // somebody joined: do not let them wait with all of the room's history unread

	mu sync.Mutex
	// sent waits for the next write. Last are those of the write before it: whoever read a marker before that was made has
	// them from here.
	sent, last map[store.Reader]store.Move
}

func newMarkerMover(log Log, bus Publisher, mentions Mentions, b *beacon, logger *slog.Logger) *markerMover {
	return &markerMover{log: log, bus: bus, mentions: mentions, beacon: b, logger: logger, joined: make(chan struct{}, 1), sent: map[store.Reader]store.Move{}}
}

// own notes that the sender of a message has read up to it: the room, or the thread that it stands in. Who joins a room
// starts there, not with all of its history. Who leaves it has nothing to read any more.
func (m *markerMover) own(e *store.Event) {
	mv := store.Move{Reader: store.Reader{User: e.Actor.User, Room: e.Room, Thread: e.Thread}, Kind: store.MoveOwn, Seq: e.Seq, Ordinal: e.Ordinal}
	switch {
	case e.Kind == store.KindMessage && e.Thread != 0:
		mv.Ordinal = e.ThreadOrdinal
	case e.Kind == store.KindMessage:
	case e.Kind == store.KindMemberJoined && !e.Member.IsChange, e.Kind == store.KindMemberLeft:
		mv.User = e.Member.User
	default:
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Kind == store.KindMemberLeft {
		delete(m.sent, mv.Reader)
		delete(m.last, mv.Reader)
		return
	}
	m.sent[mv.Reader] = mv
	if e.Kind == store.KindMemberJoined {
		select {
		case m.joined <- struct{}{}:
		default: // it was told already
		}
	}
}

// ahead is where a marker will be once what own gathered is stored.
func (m *markerMover) ahead(who store.Reader, at store.Marker) store.Marker {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, moves := range []map[store.Reader]store.Move{m.last, m.sent} {
		if mv, ok := moves[who]; ok && mv.Seq > at.Seq && mv.Seq > at.Held {
			at.Seq, at.Ordinal = mv.Seq, mv.Ordinal
		}
	}
	return at
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
		case <-m.joined:
			m.flush(ctx)
		}
	}
}

func (m *markerMover) flush(ctx context.Context) {
	m.mu.Lock()
	sent := m.sent
	if len(sent) == 0 {
		m.mu.Unlock()
		return
	}
	m.last = maps.Clone(sent) // own deletes from it
	m.sent = make(map[store.Reader]store.Move, len(sent))
	m.mu.Unlock()
	moves := make([]store.Move, 0, min(len(sent), maxMoves))
	send := func() {
		moved, err := m.log.MoveMarkers(ctx, moves)
		if err != nil {
			m.logger.WarnContext(ctx, "own markers not moved; trying again", "count", len(moves), "error", err)
			m.keep(moves)
		}
		m.tellOwn(ctx, moved, sent)
		moves = moves[:0]
	}
	for _, mv := range sent {
		if moves = append(moves, mv); len(moves) == maxMoves {
			send()
		}
	}
	if len(moves) > 0 {
		send()
	}
}

// keep puts moves that failed back, unless there are later ones.
func (m *markerMover) keep(moves []store.Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mv := range moves {
		if _, later := m.sent[mv.Reader]; !later && len(m.sent) < maxOwn {
			m.sent[mv.Reader] = mv
		}
	}
}

// move moves markers that users moved themselves, in rooms of which now says what they are; and tells small ones.
func (m *markerMover) move(ctx context.Context, moves []store.Move, now map[ids.Room]Now) error {
	moved, err := m.log.MoveMarkers(ctx, moves)
	threads := m.threads(ctx, moved)
	var behind []store.Behind
	for _, at := range moved {
		if at.Thread == 0 && at.Kind != store.MoveDelivered {
			behind = append(behind, store.Behind{Reader: at.Reader, Read: at.Seq, Head: now[at.Room].Head.Seq})
		}
	}
	mentions := m.count(ctx, behind)
	for _, at := range moved { // also when some could not be moved
		room := now[at.Room]
		switch {
		case at.Thread != 0:
			t := threads[store.Ref{Room: at.Room, Seq: at.Thread}]
			m.tellUser(at, max(t.LastSeq, at.Seq), t.Count, 0)
			continue
		case at.Kind != store.MoveDelivered:
			m.tellUser(at, room.Head.Seq, room.Head.Ordinal, mentions[at.Reader])
		}
		if at.Kind != store.MoveUnread && room.Members <= MaxReceiptRoom {
			m.publish(subject.RoomSignal(at.Room), &busv1.RoomSignal{UserId: at.User.String(), Signal: &busv1.RoomSignal_Receipt{
				Receipt: &busv1.ReceiptMoved{ReadSeq: at.Seen, DeliveredSeq: at.Delivered},
			}})
		}
	}
	return err
}

// threads are those that markers moved in, as they are now. One that cannot be read is taken to have no other replies.
func (m *markerMover) threads(ctx context.Context, moved []store.Moved) map[store.Ref]store.Thread {
	var refs []store.Ref
	for _, at := range moved {
		if at.Thread != 0 {
			refs = append(refs, store.Ref{Room: at.Room, Seq: at.Thread})
		}
	}
	threads := make(map[store.Ref]store.Thread, len(refs))
	if len(refs) == 0 {
		return threads
	}
	roots, err := m.log.Targets(ctx, refs)
	if err != nil {
		m.logger.WarnContext(ctx, "cannot read threads to say what is unread in them", "count", len(refs), "error", err)
	}
	for ref, root := range roots {
		threads[ref] = root.Replies
	}
	return threads
}

// count is how many messages up to the heads call those whose markers moved. Who cannot be counted has none for now.
func (m *markerMover) count(ctx context.Context, behind []store.Behind) map[store.Reader]uint32 {
	counts, err := m.mentions.Remembered(ctx, behind, time.Now().Add(-writtenWithin))
	if err != nil {
		m.logger.WarnContext(ctx, "cannot count unread mentions", "count", len(behind), "error", err)
	}
	return counts
}

// tellOwn is tellUser for markers that are at events of this instance: the rooms may have gone on since.
func (m *markerMover) tellOwn(ctx context.Context, moved []store.Moved, sent map[store.Reader]store.Move) {
	heads := make([]store.Head, len(moved))
	var written, behind []store.Behind
	for i, at := range moved {
		heads[i] = m.beacon.get(at.Room).head
		if at.Thread != 0 || heads[i].Seq < at.Seq {
			heads[i] = store.Head{Seq: at.Seq, Ordinal: at.Ordinal}
		}
		if at.Thread == 0 {
			behind = append(behind, store.Behind{Reader: at.Reader, Read: at.Seq, Head: heads[i].Seq})
		}
		if at.Thread == 0 && at.Seq == sent[at.Reader].Seq {
			written = append(written, store.Behind{Reader: at.Reader, Read: at.Seq, Head: at.Seq})
		}
	}
	m.count(ctx, written) // nothing was after an event when it was written: nobody has to read that
	mentions := m.count(ctx, behind)
	for i, at := range moved {
		m.tellUser(at, heads[i].Seq, heads[i].Ordinal, mentions[at.Reader])
	}
}

// tellUser publishes a marker that moved to the devices of its user and the memories of the instances, with what is unread
// of so many messages up to a head, and how many of those mention the user. It may be lost: devices read their markers when
// they connect.
func (m *markerMover) tellUser(at store.Moved, head, messages, mentions uint32) {
	m.publish(subject.UserEvent(at.User), &busv1.UserEvent{Event: &busv1.UserEvent_Marker{Marker: &busv1.MarkerMoved{
		RoomId: at.Room.String(), Thread: at.Thread, ReadSeq: at.Seq, Ordinal: at.Ordinal, Rev: at.Rev, Held: at.Held,
		HeadSeq: head, Unread: at.Unread(messages), Mentions: mentions,
	}}})
}

func (m *markerMover) publish(to string, message proto.Message) {
	if data, err := proto.Marshal(message); err == nil {
		_ = m.bus.Publish(to, data)
	}
}
