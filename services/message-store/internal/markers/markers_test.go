package markers

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// world is a room of three messages in a database, and a cache of its markers.
type world struct {
	*testing.T
	Store
	cache *Cache
	room  ids.Room
	user  ids.User

	reads  int
	during func() // when set: called once between a read of the database and its use
	lost   bool   // whether the answer to a move gets lost
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "messages.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	log := storetest.NewWriter()
	for _, content := range []string{"1", "2", "3"} {
		log.Post(0, content)
	}
	log.Store(t, db)
	w := &world{T: t, Store: db, room: log.Room, user: log.Users[1]}
	w.cache = New(w, 1<<20)
	return w
}

func (w *world) Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	w.reads++
	found, err := w.Store.Markers(ctx, readers)
	if during := w.during; during != nil {
		w.during = nil
		during()
	}
	return found, err
}

func (w *world) MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	moved, err := w.Store.MoveMarkers(ctx, moves)
	if w.lost {
		return nil, errors.New("lost")
	}
	return moved, err
}

func (w *world) reader() store.Reader { return store.Reader{User: w.user, Room: w.room} }

func (w *world) moves(seq uint32) []store.Move {
	return []store.Move{{Reader: w.reader(), Seq: seq, Rev: 99}}
}

// want asks for the user's marker and checks where it is and how many reads of the database that took.
func (w *world) want(seq uint32, reads int) {
	w.Helper()
	before := w.reads
	found, err := w.cache.Remembered(w.Context(), []store.Reader{w.reader(), {User: w.user, Room: ids.Room{1}}})
	if err != nil {
		w.Fatal(err)
	}
	if m := found[w.reader()]; m.Seq != seq || m.Ordinal != seq || w.reads-before != reads {
		w.Errorf("marker %+v after %d reads, want %d after %d", m, w.reads-before, seq, reads)
	}
}

func TestMovesAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, 1) // also that there is none
	w.want(0, 0)
	if moved, err := w.cache.MoveMarkers(t.Context(), w.moves(2)); err != nil || len(moved) != 1 {
		t.Fatal(moved, err)
	}
	w.want(2, 0)
	w.cache.Moved(w.reader(), store.Marker{Seq: 3, Ordinal: 3}) // by another instance
	w.cache.Moved(w.reader(), store.Marker{Seq: 2, Ordinal: 2}) // late
	w.want(3, 0)
	w.cache.Moved(w.reader(), store.Marker{Seq: 1, Ordinal: 1, Rev: 1}) // marked unread
	w.cache.Moved(w.reader(), store.Marker{Seq: 3, Ordinal: 3})         // late
	w.want(1, 0)
	w.cache.Moved(store.Reader{User: w.user, Room: w.room, Thread: 1}, store.Marker{Seq: 3, Ordinal: 2, Rev: 1}) // of a thread
	w.want(1, 0)
}

func TestWhatMayBeOldIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, 1)
	move := func(seq uint32) {
		t.Helper()
		if _, err := w.Store.MoveMarkers(t.Context(), w.moves(seq)); err != nil {
			t.Fatal(err)
		}
	}
	move(1)
	w.want(0, 0) // not heard
	w.cache.Clear()
	w.want(1, 1)

	move(2)
	found, err := w.cache.Read(t.Context(), []store.Reader{w.reader()})
	if err != nil || found[w.reader()].Seq != 2 {
		t.Errorf("read %v, %v", found, err)
	}
	w.want(2, 0)

	w.lost = true
	if _, err := w.cache.MoveMarkers(t.Context(), w.moves(3)); err == nil {
		t.Error("the answer was not lost")
	}
	w.want(3, 1)

	rooms, _ := w.cache.users.Get(w.user)
	m := rooms[w.room]
	m.read -= keep.Nanoseconds()
	rooms[w.room] = m
	w.want(3, 1)
}

// What is heard while the database is read may not be in what was read.
func TestMovesWhileReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.during = func() { w.cache.Moved(w.reader(), store.Marker{Seq: 2, Ordinal: 2}) }
	w.want(2, 1)
	w.want(2, 0)

	w = newWorld(t)
	w.during = func() {
		if _, err := w.Store.MoveMarkers(t.Context(), w.moves(1)); err != nil {
			t.Error(err)
		}
		w.cache.Clear()
	}
	w.want(0, 1)
	w.want(1, 1)
	w.want(1, 0)
}
