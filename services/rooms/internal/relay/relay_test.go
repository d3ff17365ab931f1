package relay

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/rooms/internal/peertest"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
	"github.com/natter-chat/natter/services/rooms/internal/store/sqlite"
)

// fixture is a store, a bus, a log and one room with its owner.
type fixture struct {
	*testing.T
	store store.Store
	url   string
	nc    *nats.Conn
	log   *peertest.Log
	stop  func() // of the log
	room  ids.Room
}

var limits = room.Limits{RoomsPerUser: 1000, MembersPerRoom: 1000}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rooms.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	f := &fixture{T: t, store: st, url: testkit.NATS(t)}
	f.nc = peertest.Connect(t, f.url)
	f.log, f.stop = peertest.StartLog(t, peertest.Connect(t, f.url))
	owner := ids.New[ids.User]()
	r, err := st.Create(t.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: time.Now()}, limits.Create(ref(owner)))
	if err != nil {
		t.Fatal(err)
	}
	f.room = r.ID
	return f
}

func ref(user ids.User) *chatv1.UserRef { return &chatv1.UserRef{Id: user.String(), Username: "Ada"} }

// relay returns a relay that loses patience ten times faster, and finds every row old.
func (f *fixture) relay(outbox store.Outbox) *Relay {
	f.Helper()
	r, err := New(outbox, f.nc, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	r.sender.Silence, r.sender.Budget = 100*time.Millisecond, 500*time.Millisecond
	r.interval, r.age = 10*time.Millisecond, -time.Hour
	return r
}

// join makes a user a member and returns the version.
func (f *fixture) join(ctx context.Context, user ids.User) (uint32, error) {
	r, err := f.store.Change(ctx, store.By{Room: f.room, Actor: user, Target: user, At: time.Now()}, limits.Join(ref(user)))
	return r.Version, err
}

func (f *fixture) mustJoin(n int) (version uint32) {
	f.Helper()
	for range n {
		v, err := f.join(f.Context(), ids.New[ids.User]())
		if err != nil {
			f.Fatal(err)
		}
		version = v
	}
	return version
}

// logged checks that the room's log has the versions 1 to n, and the outbox the rest.
func (f *fixture) logged(n, waiting int) {
	f.Helper()
	events := f.log.Events(f.room.String())
	for i, c := range events {
		if v := peertest.Version(c); v != uint32(i+1) {
			f.Errorf("event %d has version %d", i+1, v)
		}
	}
	pending, err := f.store.Pending(f.Context(), f.room, 1000)
	if err != nil {
		f.Fatal(err)
	}
	if len(events) != n || len(pending) != waiting {
		f.Errorf("%d events and %d pending, want %d and %d", len(events), len(pending), n, waiting)
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	const (
		loseAsk    = peertest.LoseAsk
		loseAnswer = peertest.LoseAnswer
		refuse     = peertest.Refuse
	)
	for name, tc := range map[string]struct {
		faults          []peertest.Fault
		want            []fault.Code // of one Deliver after the other
		logged, waiting int          // of 3
		outcomes        map[string]float64
	}{
		"the log answers": {
			nil, []fault.Code{"", ""}, 3, 0, map[string]float64{delivered: 3},
		},
		"a request is lost": {
			[]peertest.Fault{loseAsk}, []fault.Code{""}, 3, 0, map[string]float64{delivered: 3},
		},
		"two answers are lost": {
			[]peertest.Fault{loseAnswer, loseAnswer}, []fault.Code{""}, 3, 0, map[string]float64{duplicate: 3},
		},
		"the last is refused, then taken": {
			[]peertest.Fault{refuse}, []fault.Code{fault.Conflict, ""}, 3, 0, map[string]float64{delivered: 3, refused: 1},
		},
		"the last is refused": {
			[]peertest.Fault{refuse, refuse}, []fault.Code{fault.Conflict, fault.Conflict}, 2, 1, map[string]float64{delivered: 2, refused: 2},
		},
		"nothing arrives": {
			slices.Repeat([]peertest.Fault{loseAsk}, 50), []fault.Code{fault.Unavailable}, 0, 3, map[string]float64{unanswered: 3},
		},
		"no answer arrives": {
			slices.Repeat([]peertest.Fault{loseAnswer}, 50), []fault.Code{fault.Unavailable}, 3, 3, map[string]float64{unanswered: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			version := f.mustJoin(2)
			f.log.Fail(tc.faults...)
			relay := f.relay(f.store)
			for i, want := range tc.want {
				if err := relay.Deliver(t.Context(), f.room, version); fault.CodeOf(err) != want {
					t.Errorf("Deliver %d: %v, want code %q", i+1, err, want)
				}
			}
			f.logged(tc.logged, tc.waiting)
			for _, outcome := range []string{delivered, duplicate, refused, unanswered} {
				if got := testutil.ToFloat64(relay.metrics.commands.WithLabelValues(outcome)); got != tc.outcomes[outcome] {
					t.Errorf("%s %v, want %v", outcome, got, tc.outcomes[outcome])
				}
			}
		})
	}
}

// What is before a refused change is delivered all the same.
func TestDeliverUpToARefusal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	version := f.mustJoin(2)
	f.log.Fail(peertest.Refuse)
	if err := f.relay(f.store).Deliver(t.Context(), f.room, version-1); err != nil {
		t.Errorf("Deliver: %v, though only the version after it was refused", err)
	}
	f.logged(2, 1)
}

// forgetful is an outbox that cannot delete.
type forgetful struct{ store.Outbox }

func (forgetful) Acked(context.Context, ids.Room, uint32) error {
	return fault.New(fault.Unavailable, "the database is gone")
}

// An event that is in the log is a success, even if the row could not be deleted; it goes out once more, later.
func TestDeliverWhenTheRowStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	version := f.mustJoin(2)
	if err := f.relay(forgetful{f.store}).Deliver(t.Context(), f.room, version); err != nil {
		t.Errorf("Deliver: %v", err)
	}
	f.logged(3, 3)
	if err := f.relay(f.store).Deliver(t.Context(), f.room, version); err != nil {
		t.Errorf("Deliver again: %v", err)
	}
	f.logged(3, 0)
}

// More rows than fit one request.
func TestDeliverInBatches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	version := f.mustJoin(2*batch + 10)
	if err := f.relay(f.store).Deliver(t.Context(), f.room, version); err != nil {
		t.Error(err)
	}
	f.logged(2*batch+11, 0)
	if n := f.log.Requests(); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestDeliverAnnouncesToTheUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	user := ids.New[ids.User]()
	sub, err := f.nc.SubscribeSync(subject.UserEvent(user))
	if err != nil {
		t.Fatal(err)
	}
	relay := f.relay(f.store)
	next := func() *busv1.MembershipChanged {
		m, err := sub.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var e busv1.UserEvent
		if err := proto.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		return e.GetMembership()
	}
	version, err := f.join(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Deliver(t.Context(), f.room, version); err != nil {
		t.Fatal(err)
	}
	if want := (&busv1.MembershipChanged{RoomId: f.room.String(), Role: "member", Version: 2}); !proto.Equal(next(), want) {
		t.Errorf("announced something else than %v", want)
	}
	left, err := f.store.Change(t.Context(), store.By{Room: f.room, Actor: user, Target: user, At: time.Now()}, room.Leave(ref(user)))
	if err != nil {
		t.Fatal(err)
	}
	if err := relay.Deliver(t.Context(), f.room, left.Version); err != nil {
		t.Fatal(err)
	}
	if want := (&busv1.MembershipChanged{RoomId: f.room.String(), Version: 3}); !proto.Equal(next(), want) {
		t.Errorf("announced something else than %v", want)
	}
}

// Two instances, 40 changes at once, a log that loses requests and answers: one dense order, everyone is answered.
func TestRelaysRace(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.log.Fail(peertest.LoseAnswer, peertest.None, peertest.LoseAsk, peertest.LoseAnswer, peertest.None, peertest.LoseAnswer)
	relays := []*Relay{f.relay(f.store), f.relay(f.store)}
	for _, r := range relays {
		r.sender.Budget = 10 * time.Second
	}
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 40 {
		group.Go(func() error {
			version, err := f.join(ctx, ids.New[ids.User]())
			if err != nil {
				return err
			}
			if err := relays[i%2].Deliver(ctx, f.room, version); err != nil {
				return err
			}
			if have := len(f.log.Events(f.room.String())); have < int(version) {
				return errors.New("delivered, but not in the log")
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	f.logged(41, 0)
	for _, r := range relays {
		if len(r.lanes) != 0 {
			t.Errorf("%d lanes are left", len(r.lanes))
		}
	}
}

// run starts a relay's sweeps and returns when done says so.
func (f *fixture) run(r *Relay, done func() bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), 20*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !done() && ctx.Err() == nil {
		<-poll.C
	}
	if ctx.Err() != nil {
		f.Error("the sweeps did not get there in time")
	}
	cancel()
	running.Wait()
}

func (f *fixture) empty() bool {
	b, err := f.store.Backlog(f.Context())
	return err == nil && b.Rows == 0
}

// An instance that died between its transaction and the delivery, while message-store was away: another delivers.
func TestRunDeliversWhatWasLeft(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.mustJoin(3)
	f.stop()
	r := f.relay(f.store)
	f.run(r, func() bool {
		return testutil.ToFloat64(r.metrics.commands.WithLabelValues(unanswered)) > 0 && testutil.ToFloat64(r.metrics.rows) == 4
	})
	f.logged(0, 4)
	f.log.Resume(f.nc)
	f.run(r, f.empty)
	f.logged(4, 0)
}

// Rooms whose logs refuse must not hold up the others, however many they are.
func TestRunPassesRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	owner := ids.New[ids.User]()
	const bad, good = sweepPage + 1, 10
	f.log.RefuseRoom(f.room.String())
	for i := range bad + good - 1 { // their ids grow
		r, err := f.store.Create(t.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Creator: owner, CreatedAt: time.Now()}, limits.Create(ref(owner)))
		if err != nil {
			t.Fatal(err)
		}
		if i < bad-1 {
			f.log.RefuseRoom(r.ID.String())
		}
	}
	f.run(f.relay(f.store), func() bool {
		b, err := f.store.Backlog(t.Context())
		return err == nil && b.Rows == bad
	})
	f.logged(0, 1)
}

// Young rows belong to the request that made them.
func TestRunLeavesYoungRowsAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := f.relay(f.store)
	r.age = time.Hour
	var after ids.Room
	if more, failed := r.sweep(t.Context(), &after); more || failed {
		t.Errorf("sweep: more %v, failed %v", more, failed)
	}
	f.logged(0, 1)
}
