package search_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	searchsqlite "github.com/natter-chat/natter/services/message-store/internal/search/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// world is a log and an index beside it.
type world struct {
	t     *testing.T
	log   *sqlite.Store
	index *searchsqlite.Index
	dir   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	var err error
	if w.log, err = sqlite.Open(t.Context(), filepath.Join(w.dir, "messages.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.log.Close() })
	if w.index, err = searchsqlite.Open(t.Context(), filepath.Join(w.dir, "search.db"), "e", slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.index.Close() })
	return w
}

// start feeds the index until the test's end, or stop. It looks after all rooms.
func (w *world) start(log search.Log) (x *search.Indexer, reg *prometheus.Registry, stop func()) {
	w.t.Helper()
	reg = prometheus.NewRegistry()
	x, err := search.NewIndexer(log, w.index, slog.New(slog.DiscardHandler), reg)
	if err != nil {
		w.t.Fatal(err)
	}
	x.Own(partitions(), nil)
	x.Start()
	w.t.Cleanup(x.Close)
	return x, reg, x.Close
}

func partitions() (all []int) {
	for p := range subject.Partitions {
		all = append(all, p)
	}
	return all
}

// store appends what a writer has, and tells an indexer if there is one.
func (w *world) store(x *search.Indexer, writers ...*storetest.Writer) {
	w.t.Helper()
	var batches []store.Batch
	for _, writer := range writers {
		batches = append(batches, writer.Batch())
	}
	if err := errors.Join(w.log.Append(w.t.Context(), batches)...); err != nil {
		w.t.Fatal(err)
	}
	if x != nil {
		x.Appended(batches)
	}
}

func (w *world) search(text string, before search.At, limit int, rooms ...ids.Room) search.Page {
	w.t.Helper()
	q, err := query.Parse(text)
	if err != nil {
		w.t.Fatal(err)
	}
	page, err := search.NewSearcher(w.index, w.log).Search(w.t.Context(), search.Filter{Rooms: rooms, Terms: q.Terms, Has: q.Has}, before, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	return page
}

func texts(page search.Page) (all []string) {
	for _, h := range page.Hits {
		all = append(all, h.Message.Text())
	}
	return all
}

// finds waits until a search finds these texts.
func (w *world) finds(text string, room ids.Room, want ...string) {
	w.t.Helper()
	var got []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if got = texts(w.search(text, search.At{}, 50, room)); slices.Equal(got, want) {
			return
		}
	}
	w.t.Errorf("%s: finds %q, want %q", text, got, want)
}

func lag(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "natter_message_store_search_lag_events" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("no lag")
	return 0
}

// What is said is found a moment later, as it is; what was said before the indexer came is found, too.
func TestIndexer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := storetest.NewWriter(), storetest.NewWriter()
	before := a.Post(0, "said before")
	w.store(nil, a)
	x, reg, stop := w.start(w.log)
	w.finds("said", a.Room, "said before")

	a.Post(1, "said now")
	b.Post(0, "said elsewhere")
	w.store(x, a, b)
	w.finds("said", a.Room, "said now", "said before")
	w.finds("said", b.Room, "said elsewhere")
	a.Edit(0, before, "another text http://a.example")
	a.React(2, before, "👍", false)
	w.store(x, a)
	w.finds("before", a.Room)
	w.finds("another has:link has:reaction", a.Room, "another text http://a.example")
	a.Delete(0, before)
	w.store(x, a)
	w.finds("another", a.Room)
	w.finds("-nothing", a.Room, "said now")
	until(t, "nothing waits", func() bool { return lag(t, reg) == 0 })

	// What is said while it is away is found when it is back; the end of a room takes everything with it.
	stop()
	for i := range 250 {
		a.Post(0, fmt.Sprint("many ", i))
	}
	b.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{IsDeleted: true} })
	w.store(x, a, b)
	if n := lag(t, reg); n != 251 {
		t.Errorf("the lag is %v events, want 251", n)
	}
	_, reg, _ = w.start(w.log)
	w.finds(`"many 249"`, a.Room, "many 249")
	w.finds(`"many 0"`, a.Room, "many 0")
	// Of the room that ended, the log still has it until it is purged; the index does not.
	until(t, "the room ends", func() bool {
		at, err := w.index.Find(t.Context(), search.Filter{Rooms: []ids.Room{b.Room}}, search.At{}, 1)
		return err == nil && len(at) == 0
	})
	until(t, "nothing waits", func() bool { return lag(t, reg) == 0 })
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not yet", what)
		}
	}
}

// An index that lags behind never shows what was edited away or deleted, nor what has changed otherwise.
func TestSearchComparesWithTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := storetest.NewWriter()
	edited, deleted, pinned := a.Post(0, "secret one"), a.Post(0, "secret two"), a.Post(1, "secret three")
	a.Pin(1, pinned, false)
	w.store(nil, a)
	x, _, stop := w.start(w.log)
	w.finds("secret", a.Room, "secret three", "secret two", "secret one")
	w.finds("has:pin", a.Room, "secret three")
	stop()
	a.Edit(0, edited, "nothing")
	a.Delete(0, deleted)
	a.Pin(1, pinned, true)
	w.store(x, a)
	if got := texts(w.search("secret", search.At{}, 10, a.Room)); !slices.Equal(got, []string{"secret three"}) {
		t.Errorf("finds %q", got)
	}
	if got := texts(w.search("has:pin", search.At{}, 10, a.Room)); got != nil {
		t.Errorf("finds %q", got)
	}
}

// Pages are full and end, though much of what the index has is not so any more.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := storetest.NewWriter()
	var posts []*store.Event
	for i := range 90 {
		posts = append(posts, a.Post(0, fmt.Sprint("post ", i)))
	}
	w.store(nil, a)
	x, _, stop := w.start(w.log)
	until(t, "all are found", func() bool { return len(w.search("post", search.At{}, 100, a.Room).Hits) == 90 })
	stop()
	for i, e := range posts {
		if i%3 > 0 {
			a.Delete(0, e)
		}
	}
	w.store(x, a)
	var got []string
	pages := 0
	for before := (search.At{}); ; pages++ {
		page := w.search("post", before, 10, a.Room)
		got = append(got, texts(page)...)
		if before = page.Next; before == (search.At{}) {
			break
		}
		if len(page.Hits) != 10 {
			t.Errorf("page %d has %d hits", pages, len(page.Hits))
		}
	}
	if len(got) != 30 || got[0] != "post 87" || got[29] != "post 0" || pages != 2 {
		t.Errorf("%d pages: %q", pages+1, got)
	}
}

// A log that was restored from a backup is shorter than the index believes.
func TestShorterLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := storetest.NewWriter()
	a.Post(0, "old news")
	w.store(nil, a)
	ghost := search.Document{Seq: 300, CreatedAt: 1, Tokens: []string{search.TokenAny}}
	if err := w.index.Put(t.Context(), []search.Part{{Room: a.Room, To: 500, Documents: []search.Document{ghost}}}); err != nil {
		t.Fatal(err)
	}
	w.start(w.log)
	w.finds("news", a.Room, "old news")
}

// unreadable is a log of which one room cannot be read for a while.
type unreadable struct {
	*sqlite.Store
	room  ids.Room
	tries atomic.Int64
}

func (u *unreadable) Feed(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Feed, error) {
	if room == u.room && u.tries.Add(1) < 3 {
		return store.Feed{}, errors.New("damaged")
	}
	return u.Store.Feed(ctx, room, after, limit, maxBytes)
}

// A room that cannot be read holds up no other, and is tried again.
func TestUnreadableRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := storetest.NewWriter(), storetest.NewWriter()
	log := &unreadable{Store: w.log, room: a.Room}
	x, _, _ := w.start(log)
	a.Post(0, "hello a")
	b.Post(0, "hello b")
	w.store(x, a, b)
	w.finds("hello", b.Room, "hello b")
	w.finds("hello", a.Room, "hello a")
}

// A rebuild tells how far it is, and leaves what the log has.
func TestRebuild(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rooms := []*storetest.Writer{storetest.NewWriter(), storetest.NewWriter(), storetest.NewWriter()}
	for _, r := range rooms {
		for i := range 400 {
			r.Post(0, fmt.Sprint("hello ", i))
		}
		w.store(nil, r)
	}
	ghost := storetest.NewWriter().Room
	if err := w.index.Put(t.Context(), []search.Part{{Room: ghost, To: 1, Documents: []search.Document{{Seq: 1, Tokens: []string{search.TokenAny}}}}}); err != nil {
		t.Fatal(err)
	}
	x, err := search.NewIndexer(w.log, w.index, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var said []int
	if err := x.Rebuild(t.Context(), func(events, of int) {
		if said = append(said, events); of != 1200 {
			t.Errorf("of %d", of)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(said) || said[0] != 0 || said[len(said)-1] != 1200 {
		t.Errorf("progress %d", said)
	}
	for _, r := range rooms {
		w.finds(`"hello 399"`, r.Room, "hello 399")
		w.finds(`"hello 0"`, r.Room, "hello 0")
	}
	if at, err := w.index.Find(t.Context(), search.Filter{Rooms: []ids.Room{ghost}}, search.At{}, math.MaxInt32); err != nil || len(at) > 0 {
		t.Errorf("finds what is not in the log: %v, %v", at, err)
	}
}

// stuck is an index that does not answer until it is let go.
type stuck struct {
	search.Index
	asked chan struct{}
	let   chan struct{}
}

func (s *stuck) Find(context.Context, search.Filter, search.At, int) ([]search.At, error) {
	s.asked <- struct{}{}
	<-s.let
	return nil, nil
}

// A rush of searches is refused before it keeps the service from other questions.
func TestTooManySearches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	index := &stuck{asked: make(chan struct{}), let: make(chan struct{})}
	s := search.NewSearcher(index, w.log)
	var wg sync.WaitGroup
	const most = 32
	for range most {
		wg.Go(func() {
			if _, err := s.Search(t.Context(), search.Filter{}, search.At{}, 1); err != nil {
				t.Error(err)
			}
		})
		<-index.asked
	}
	_, err := s.Search(t.Context(), search.Filter{}, search.At{}, 1)
	if f := fault.From(err); f.Code != fault.Unavailable || f.RetryAfter == 0 {
		t.Errorf("one too many: %v", err)
	}
	close(index.let)
	wg.Wait()
}
