package pipeline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
)

func (f *fixture) reader(user int) store.Reader {
	return store.Reader{User: f.users[user], Room: f.room}
}

// told takes the markers and receipts that were published.
func (f *fixture) told() (markers []*busv1.MarkerMoved, receipts []*busv1.ReceiptMoved) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.signals {
		switch m := m.(type) {
		case *busv1.RoomSignal:
			receipts = append(receipts, m.GetReceipt())
		case *busv1.UserEvent:
			markers = append(markers, m.GetMarker())
		}
	}
	f.signals = nil
	return markers, receipts
}

// now is the room of so many members, as of its log.
func now(tb testing.TB, f *fixture, log engine, members int) map[ids.Room]pipeline.Now {
	tb.Helper()
	heads, err := log.Heads(tb.Context(), []ids.Room{f.room})
	if err != nil {
		tb.Fatal(err)
	}
	return map[ids.Room]pipeline.Now{f.room: {Head: heads[f.room], Members: members}}
}

// storedMarkers reads the markers of a room's users.
func storedMarkers(tb testing.TB, f *fixture, s *sqlite.Store, users ...int) (all []store.Marker) {
	tb.Helper()
	for _, user := range users {
		got, err := s.Markers(tb.Context(), []store.Reader{f.reader(user)})
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, got[f.reader(user)])
	}
	return all
}

// What somebody sent they have read, and where they joined they start; their other devices are told.
func TestOwnMarkers(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(), openSQLite(t, path)
		p := start(t, f, s, 1)
		ack(t, p, f, f.send(2, "a", "one"))
		time.Sleep(1500 * time.Millisecond) //nolint:forbidigo // synctest's clock: between two writes
		f.told()
		mine := ack(t, p, f, f.send(2, "b", "two")).GetSeq()
		last := ack(t, p, f, f.send(3, "c", "three")).GetSeq()
		if at := p.Ahead(f.reader(2), store.Marker{}); at.Seq != mine || at.Ordinal != 2 {
			t.Errorf("ahead %+v before it is stored", at)
		}
		if at := p.Ahead(f.reader(2), store.Marker{Rev: 1, Held: mine}); at.Seq != 0 {
			t.Errorf("ahead %+v of what was marked unread since", at)
		}
		if at := p.Ahead(f.reader(4), store.Marker{Seq: 7, Ordinal: 2}); at.Seq != 7 {
			t.Errorf("ahead %+v of what was read", at)
		}
		time.Sleep(time.Second) //nolint:forbidigo // synctest's clock
		synctest.Wait()
		for i, m := range storedMarkers(t, f, s, 2, 3, 4) {
			if want := []uint32{mine, last, 5}[i]; m.Seq != want {
				t.Errorf("marker %+v, want %d", m, want)
			}
		}
		if at := p.Ahead(f.reader(2), store.Marker{}); at.Seq != mine {
			t.Errorf("ahead %+v to whoever read the marker before", at)
		}
		told, receipts := f.told()
		n := 0
		for _, m := range told {
			if m.GetReadSeq() != mine {
				continue
			}
			if n++; n > 1 || m.GetUnread() != 1 || m.GetHeadSeq() != last || m.GetOrdinal() != 2 || m.GetRoomId() != f.room.String() {
				t.Errorf("told %v", m)
			}
		}
		if n == 0 || len(receipts) != 0 {
			t.Errorf("told %v, %v", told, receipts)
		}

		// Another role is no reason to have read anything; who comes back begins anew; who is gone has read nothing.
		changed := f.join(4, "moderator")
		changed.GetMemberJoined().IsChange = true
		ack(t, p, f, changed)
		ack(t, p, f, f.leave(3, "kicked"))
		back := ack(t, p, f, f.join(3, "member")).GetSeq()
		synctest.Wait() // joins are not kept waiting
		ack(t, p, f, f.send(2, "d", "four"))
		ack(t, p, f, f.leave(2, "banned"))
		p.Close(context.Background()) // moves what is left
		for i, m := range storedMarkers(t, f, s, 2, 3, 4) {
			if want := []uint32{mine, back, 5}[i]; m.Seq != want {
				t.Errorf("marker %+v, want %d", m, want)
			}
		}
	})
}

// failing is a store that takes no markers for a while.
type failing struct {
	*sqlite.Store
	fails atomic.Bool
}

func (s *failing) MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	if s.fails.Load() {
		return nil, errors.New("injected")
	}
	return s.Store.MoveMarkers(ctx, moves)
}

func TestOwnMarkersAreTriedAgain(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(), &failing{Store: openSQLite(t, path)}
		p := start(t, f, s, 1)
		s.fails.Store(true)
		first := ack(t, p, f, f.send(2, "a", "one")).GetSeq()
		ack(t, p, f, f.send(3, "a", "two"))
		time.Sleep(10 * time.Second) //nolint:forbidigo // synctest's clock
		later := ack(t, p, f, f.send(3, "b", "three")).GetSeq()
		s.fails.Store(false)
		time.Sleep(2 * time.Second) //nolint:forbidigo // synctest's clock
		synctest.Wait()
		if got := storedMarkers(t, f, s.Store, 2, 3); got[0].Seq != first || got[1].Seq != later {
			t.Errorf("markers %+v, want %d and %d", got, first, later)
		}
	})
}

// Who moves a marker themselves: their devices are told, and small rooms of what was read and received, but not of what was
// marked unread.
func TestMovesAreTold(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(), openSQLite(t, path)
		p := start(t, f, s, 1)
		for _, nonce := range []string{"a", "b", "c"} {
			ack(t, p, f, f.send(2, nonce, "x"))
		}
		time.Sleep(time.Second) //nolint:forbidigo // synctest's clock: the sender's own marker has moved
		synctest.Wait()
		move := func(members int, moves ...store.Move) ([]*busv1.MarkerMoved, []*busv1.ReceiptMoved) {
			t.Helper()
			is := now(t, f, s, members)
			f.told()
			for i := range moves {
				moves[i].Reader = f.reader(0)
			}
			if err := p.MoveMarkers(t.Context(), moves, is); err != nil {
				t.Fatal(err)
			}
			return f.told()
		}
		if told, receipts := move(100, store.Move{Seq: 7}); len(told) != 1 || len(receipts) != 1 || told[0].GetReadSeq() != 7 ||
			told[0].GetUnread() != 1 || told[0].GetHeadSeq() != 8 || receipts[0].GetReadSeq() != 7 || receipts[0].GetDeliveredSeq() != 7 {
			t.Errorf("read: %v, %v", told, receipts)
		}
		if told, receipts := move(5, store.Move{Seq: 6}); len(told)+len(receipts) != 0 {
			t.Errorf("nothing moved: %v, %v", told, receipts)
		}
		if told, receipts := move(5, store.Move{Kind: store.MoveDelivered, Seq: 8}); len(told) != 0 || len(receipts) != 1 ||
			receipts[0].GetReadSeq() != 7 || receipts[0].GetDeliveredSeq() != 8 {
			t.Errorf("delivered: %v, %v", told, receipts)
		}
		if told, receipts := move(5, store.Move{Kind: store.MoveUnread, Seq: 6}); len(receipts) != 0 || len(told) != 1 ||
			told[0].GetReadSeq() != 5 || told[0].GetUnread() != 3 || told[0].GetRev() != 1 || told[0].GetHeld() != 8 {
			t.Errorf("unread: %v, %v", told, receipts)
		}
		if told, receipts := move(5, store.Move{Seq: 6, Rev: 1}); len(told) != 1 || len(receipts) != 1 || receipts[0].GetReadSeq() != 7 {
			t.Errorf("read again: %v, %v; others know that it was read", told, receipts)
		}
		if told, receipts := move(101, store.Move{Seq: 8, Rev: 1}); len(told) != 1 || len(receipts) != 0 {
			t.Errorf("in a large room: %v, %v", told, receipts)
		}
	})
}
