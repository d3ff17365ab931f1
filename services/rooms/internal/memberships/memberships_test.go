package memberships

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
)

// world is a database and a cache of it that hears what it is told.
type world struct {
	*testing.T
	store.Store
	reg   *prometheus.Registry
	cache *Cache
	held  chan func() // when set: called between a read of the database and its use
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rooms.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{T: t, reg: prometheus.NewRegistry(), held: make(chan func(), 1)}
	if w.Store, err = store.Count(db, w.reg); err != nil {
		t.Fatal(err)
	}
	w.cache = New(w, 10, 1<<20)
	return w
}

func (w *world) MembershipsOf(ctx context.Context, users []ids.User, perUser int) (map[ids.User][]room.Membership, error) {
	found, err := w.Store.MembershipsOf(ctx, users, perUser)
	select {
	case now := <-w.held:
		now()
	default:
	}
	return found, err
}

var limits = room.Limits{RoomsPerUser: 1000, MembersPerRoom: 1000}

func ref(user ids.User) *chatv1.UserRef { return &chatv1.UserRef{Id: user.String()} }

func (w *world) create(owner ids.User) ids.Room {
	w.Helper()
	r, err := w.Create(w.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: time.Now()}, limits.Create(ref(owner)))
	if err != nil {
		w.Fatal(err)
	}
	return r.ID
}

// join and leave change the database; the cache is not told.
func (w *world) join(in ids.Room, user ids.User) (version uint32) {
	w.Helper()
	return w.change(in, user, limits.Join(ref(user)))
}

func (w *world) leave(in ids.Room, user ids.User) (version uint32) {
	w.Helper()
	return w.change(in, user, room.Leave(ref(user)))
}

func (w *world) change(in ids.Room, user ids.User, decide room.Decide) uint32 {
	w.Helper()
	r, err := w.Change(w.Context(), store.By{Room: in, Actor: user, Target: user, At: time.Now()}, decide)
	if err != nil {
		w.Fatal(err)
	}
	return r.Version
}

// want asks for the memberships of a user and checks the rooms, that each comes with this version, and how many reads of
// the database that took.
func (w *world) want(user ids.User, reads int, versions map[ids.Room]uint32) {
	w.Helper()
	before := w.reads()
	found, err := w.cache.Of(w.Context(), []ids.User{user})
	if err != nil {
		w.Fatal(err)
	}
	if n := w.reads() - before; n != reads {
		w.Errorf("%d reads, want %d", n, reads)
	}
	if len(found[user]) != len(versions) {
		w.Errorf("in %d rooms, want %d", len(found[user]), len(versions))
	}
	for _, m := range found[user] {
		if m.Room.Version != versions[m.Room.ID] || m.Room.MemberCount == 0 || m.Role == "" {
			w.Errorf("%+v, want version %d", m, versions[m.Room.ID])
		}
	}
}

func (w *world) reads() int {
	w.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == "memberships" {
			return int(m.GetCounter().GetValue())
		}
	}
	return 0
}

func TestOneReadForAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob, nobody := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
	r := w.create(ada)
	v := w.join(r, bob)
	for _, want := range []int{1, 0} {
		before := w.reads()
		found, err := w.cache.Of(t.Context(), []ids.User{ada, bob, nobody, ada})
		if err != nil || len(found[ada]) != 1 || len(found[bob]) != 1 || len(found[nobody]) != 0 {
			t.Errorf("found %v, %v", found, err)
		}
		if n := w.reads() - before; n != want {
			t.Errorf("%d reads, want %d", n, want)
		}
	}
	w.want(bob, 0, map[ids.Room]uint32{r: v})
	if n, err := testutil.GatherAndCount(w.reg, "natter_rooms_store_reads_total"); err != nil || n == 0 {
		t.Errorf("%d kinds of reads, %v", n, err)
	}
}

// While every change is heard, those it did not concern stay known, at the new version.
func TestChangesOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob, eve := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
	r := w.create(ada)
	v := w.join(r, bob)
	w.want(ada, 1, map[ids.Room]uint32{r: v})
	w.want(bob, 1, map[ids.Room]uint32{r: v})

	v = w.join(r, eve)
	w.cache.Changed(r, v, eve, role.Member)
	w.want(ada, 1, map[ids.Room]uint32{r: v}) // which brings the room up to date for all
	w.want(eve, 1, map[ids.Room]uint32{r: v})
	w.want(ada, 0, map[ids.Room]uint32{r: v})
	w.want(bob, 0, map[ids.Room]uint32{r: v})

	w.leave(r, eve) // not heard of
	v = w.join(r, eve)
	w.cache.Changed(r, v, eve, role.Member)
	w.want(ada, 1, map[ids.Room]uint32{r: v})
	w.want(bob, 1, map[ids.Room]uint32{r: v}) // it might have been bob who left
	w.want(bob, 0, map[ids.Room]uint32{r: v})
}

// Some are read at a version that was not heard of yet. Others are known as of what was heard.
func TestReadsAheadOfTheNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob, eve := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
	r := w.create(ada)
	v := w.join(r, bob)
	w.want(ada, 1, map[ids.Room]uint32{r: v})
	w.want(bob, 1, map[ids.Room]uint32{r: v})
	left := w.leave(r, bob)
	joined := w.join(r, eve)
	w.want(eve, 1, map[ids.Room]uint32{r: joined})
	w.want(ada, 0, map[ids.Room]uint32{r: v})
	w.want(bob, 0, map[ids.Room]uint32{r: v}) // true at its version: the log says that there is a higher one
	w.cache.Changed(r, left, bob, "")
	w.want(bob, 1, nil)
	w.want(ada, 0, map[ids.Room]uint32{r: left})
	w.cache.Changed(r, joined, eve, role.Member)
	w.want(ada, 0, map[ids.Room]uint32{r: joined})
	w.want(eve, 0, map[ids.Room]uint32{r: joined})
	w.cache.Changed(r, left, bob, "") // late
	w.want(bob, 0, nil)
}

// Who was answered before the news came is told again; who was not, is not.
func TestAnsweredWithoutTheNews(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	r := w.create(ada)
	w.want(bob, 1, nil)
	v := w.join(r, bob)
	w.want(bob, 0, nil)
	if !w.cache.Changed(r, v, bob, role.Member) {
		t.Error("bob was answered without the room, and is not told")
	}
	if w.cache.Changed(r, v, bob, role.Member) {
		t.Error("told twice")
	}
	w.want(bob, 1, map[ids.Room]uint32{r: v})
	w.want(bob, 0, map[ids.Room]uint32{r: v})
	if w.cache.Changed(r, v, bob, role.Member) {
		t.Error("bob was answered with the room, and is told")
	}
	w.want(bob, 0, map[ids.Room]uint32{r: v})
}

// What is heard while the database is read may not be in what was read.
func TestChangesWhileReading(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]func(w *world, r ids.Room, ada, bob ids.User){
		"join": func(w *world, r ids.Room, _, bob ids.User) { w.cache.Changed(r, w.join(r, bob), bob, role.Member) },
		"loss": func(w *world, r ids.Room, _, bob ids.User) { w.join(r, bob); w.cache.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ada, bob := ids.New[ids.User](), ids.New[ids.User]()
			r := w.create(ada)
			w.held <- func() { during(w, r, ada, bob) }
			w.want(bob, 1, nil)
			w.want(bob, 1, map[ids.Room]uint32{r: 2})
			w.want(ada, 1, map[ids.Room]uint32{r: 2})
			w.want(ada, 0, map[ids.Room]uint32{r: 2})
		})
	}
	t.Run("leave, with the room known from another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ada, bob, eve := ids.New[ids.User](), ids.New[ids.User](), ids.New[ids.User]()
		r := w.create(ada)
		w.join(r, bob)
		w.join(r, eve)
		w.want(eve, 1, map[ids.Room]uint32{r: 3})
		w.held <- func() {
			w.leave(r, bob) // its news comes later
			w.want(eve, 0, map[ids.Room]uint32{r: 3})
			w.cache.Changed(r, w.leave(r, eve), eve, "")
			w.want(ada, 1, map[ids.Room]uint32{r: 5})
		}
		w.want(bob, 2, map[ids.Room]uint32{r: 3}) // ada's is the second
		w.want(bob, 1, nil)
	})
}

func TestOldMemoryIsNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	w.want(bob, 1, nil)
	r := w.create(ada)
	v := w.join(r, bob) // the bus lost it
	w.want(bob, 0, nil)
	if list, err := w.cache.Read(t.Context(), bob); err != nil || len(list) != 1 {
		t.Errorf("read %v, %v", list, err)
	}
	w.want(bob, 0, map[ids.Room]uint32{r: v})
	u, _ := w.cache.users.Get(bob)
	u.at = u.at.Add(-keep)
	w.want(bob, 1, map[ids.Room]uint32{r: v})
}

// wants asks for the preferences of a user in their one room, and checks how many reads of the database that took.
func (w *world) wants(user ids.User, reads int, want room.Preferences) {
	w.Helper()
	before := w.reads()
	found, err := w.cache.Of(w.Context(), []ids.User{user})
	if err != nil || len(found[user]) != 1 {
		w.Fatalf("found %+v, %v", found, err)
	}
	if got := found[user][0].Preferences; got != want {
		w.Errorf("preferences %+v, want %+v", got, want)
	}
	if n := w.reads() - before; n != reads {
		w.Errorf("%d reads, want %d", n, reads)
	}
}

func (w *world) prefer(in ids.Room, user ids.User, hidden uint32) room.Preferences {
	w.Helper()
	p, err := w.SetPreferences(w.Context(), in, user, room.Preferences{HiddenSeq: hidden})
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// What a user prefers is remembered until there is news; who was answered without it is told again.
func TestPreferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := ids.New[ids.User](), ids.New[ids.User]()
	r := w.create(ada)
	w.join(r, bob)
	w.wants(ada, 1, room.Preferences{})
	w.wants(bob, 1, room.Preferences{})

	first := w.prefer(r, ada, 7)
	w.wants(ada, 0, room.Preferences{}) // the news is late
	if !w.cache.Preferred(r, ada, first.Rev) {
		t.Error("ada was answered without the news, and is not told")
	}
	w.wants(ada, 1, first)
	w.wants(ada, 0, first)
	if w.cache.Preferred(r, ada, first.Rev) {
		t.Error("ada was answered with the news, and is told")
	}
	w.wants(ada, 0, first)
	w.wants(bob, 0, room.Preferences{}) // not concerned
	if w.cache.Preferred(ids.New[ids.Room](), bob, 9) {
		t.Error("bob is told of a room that he is not in")
	}

	// Heard while the database is read: it may not be in what was read.
	second := room.Preferences{}
	w.held <- func() {
		second = w.prefer(r, bob, 9)
		w.cache.Preferred(r, bob, second.Rev)
	}
	w.cache.Clear()
	w.wants(bob, 1, room.Preferences{})
	w.wants(bob, 1, second)

	// A membership that is over takes them with it.
	w.cache.Changed(r, w.leave(r, bob), bob, role.None)
	w.cache.Changed(r, w.join(r, bob), bob, role.Member)
	w.wants(bob, 1, room.Preferences{})
}
