package presence

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// quick is the protocol in a hurry; what tests must not see happening takes forever.
func quick() times {
	return times{beat: 20 * time.Millisecond, dead: 500 * time.Millisecond, linger: 100 * time.Millisecond, refresh: time.Hour}
}

// people is auth's part.
type people struct {
	mu   sync.Mutex
	is   map[ids.User]Standing
	seen map[ids.User]time.Time
	fail error
	// during is called while auth answers, with what it knew before.
	during func()
}

func (p *people) Standings(context.Context, []ids.User) (map[ids.User]Standing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.during != nil {
		p.during()
	}
	return maps.Clone(p.is), p.fail
}

func (p *people) RecordSeen(_ context.Context, seen map[ids.User]time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail == nil {
		maps.Copy(p.seen, seen)
	}
	return p.fail
}

func newPeople() *people { return &people{is: map[ids.User]Standing{}, seen: map[ids.User]time.Time{}} }

// startGateway starts a gateway's part on a connection of its own. kill ends it without a word.
func startGateway(tb testing.TB, url string, auth *people, t times) (p *Presence, kill func()) {
	tb.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		tb.Fatal(err)
	}
	p, err = start(nc, ids.New[ids.Instance](), auth, slog.New(slog.DiscardHandler), t)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		p.Close()
		nc.Close()
	})
	return p, nc.Close
}

// screen is a client that watches.
type screen struct {
	tb     testing.TB
	frames chan *clientv1.Presence
}

func newScreen(tb testing.TB) *screen {
	return &screen{tb: tb, frames: make(chan *clientv1.Presence, 1000)}
}

func (s *screen) Enqueue(f *feed.Frame) {
	for frame, err := range serverFrames(f) {
		if err != nil {
			s.tb.Error(err)
		}
		s.frames <- frame.GetPresence()
	}
}

// serverFrames decodes what goes over the wire.
func serverFrames(f *feed.Frame) func(func(*clientv1.ServerFrame, error) bool) {
	return func(yield func(*clientv1.ServerFrame, error) bool) {
		var frame clientv1.ServerFrame
		err := proto.Unmarshal(skipLength(f.Bytes(wire.Proto)), &frame)
		yield(&frame, err)
	}
}

// skipLength takes the varint off a delimited message.
func skipLength(b []byte) []byte {
	for b[0]&0x80 != 0 {
		b = b[1:]
	}
	return b[1:]
}

// expect waits for the next frames and compares them; lastSeen only by whether it is there.
func (s *screen) expect(what string, want ...*clientv1.Presence) {
	s.tb.Helper()
	for _, w := range want {
		select {
		case got := <-s.frames:
			if (got.GetLastSeen() != nil) != (w.GetLastSeen() != nil) {
				s.tb.Fatalf("%s: %v, want %v", what, got, w)
			}
			plain, _ := proto.Clone(got).(*clientv1.Presence)
			plain.LastSeen = w.GetLastSeen()
			if !proto.Equal(plain, w) {
				s.tb.Fatalf("%s: %v, want %v", what, got, w)
			}
		case <-time.After(10 * time.Second):
			s.tb.Fatalf("%s: nothing, want %v", what, w)
		}
	}
}

func (s *screen) watch(p *Presence, users ...ids.User) {
	s.tb.Helper()
	if err := p.Watch(s, users); err != nil {
		s.tb.Fatal(err)
	}
}

func online(id ids.User) *clientv1.Presence {
	return &clientv1.Presence{UserId: id.String(), Online: true}
}
func away(id ids.User) *clientv1.Presence {
	return &clientv1.Presence{UserId: id.String(), Online: true, Away: true}
}

// left is offline after having been online; gone never was.
func left(id ids.User) *clientv1.Presence {
	return &clientv1.Presence{UserId: id.String(), LastSeen: timestamppb.Now()}
}
func gone(id ids.User) *clientv1.Presence { return &clientv1.Presence{UserId: id.String()} }

func TestOnlineUntilTheLastConnectionCloses(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	a, _ := startGateway(t, url, auth, quick())
	b, _ := startGateway(t, url, auth, quick())
	c, _ := startGateway(t, url, auth, quick())
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	onA, onC := newScreen(t), newScreen(t)

	a.Set(ann, Online)
	onA.watch(a, ann)
	onA.expect("one tab, seen on its own gateway", online(ann))
	onC.watch(c, ann)
	onC.expect("one tab, seen from elsewhere", online(ann))
	second := newScreen(t)
	second.watch(c, ann)
	second.expect("what is known is told at once", online(ann))

	b.Set(ann, Away)
	a.Set(ann, Away)
	onA.expect("away with both tabs", away(ann))
	onC.expect("away with both tabs", away(ann))
	b.Set(ann, Online)
	onA.expect("back at one", online(ann))
	onC.expect("back at one", online(ann))
	b.Set(ann, Offline)
	onA.expect("one tab is left", away(ann))
	onC.expect("one tab is left", away(ann))
	a.Set(ann, Offline)
	onA.expect("no tab is left", left(ann))
	onC.expect("no tab is left", left(ann))

	onC.watch(c, bob)
	onC.expect("instead: somebody who never was there", gone(bob))
	a.Set(ann, Online)
	onA.expect("ann is back", online(ann))
	b.Set(bob, Online)
	onC.expect("not ann, who is watched no more", online(bob))
}

func TestReloadDoesNotFlap(t *testing.T) {
	t.Parallel()
	slow := quick()
	slow.linger = 30 * time.Second
	url, auth := testkit.NATS(t), newPeople()
	a, _ := startGateway(t, url, auth, slow)
	b, _ := startGateway(t, url, auth, slow)
	ann := ids.New[ids.User]()
	a.Set(ann, Online)
	s := newScreen(t)
	s.watch(b, ann)
	s.expect("there", online(ann))
	a.Set(ann, Offline)
	a.Close() // and its gateway restarts
	b.Set(ann, Away)
	s.expect("back on the other gateway", away(ann)) // with nothing in between
	b.Set(ann, Online)
	s.expect("back at the screen", online(ann))
}

func TestUsersOfADeadGatewayAreGone(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	dying, kill := startGateway(t, url, auth, quick())
	b, _ := startGateway(t, url, auth, quick())
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	dying.Set(ann, Online)
	dying.Set(bob, Online)
	onAnn, onBob := newScreen(t), newScreen(t)
	onAnn.watch(b, ann)
	onBob.watch(b, bob)
	onAnn.expect("there", online(ann))
	onBob.expect("there", online(bob))
	kill()
	b.Set(bob, Online) // comes back elsewhere
	onAnn.expect("dead", left(ann))
	b.Set(bob, Away)
	onBob.expect("never was offline", away(bob))
}

func TestLostChangesAreFound(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	a, _ := startGateway(t, url, auth, quick())
	b, _ := startGateway(t, url, auth, quick())
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	a.Set(ann, Online)
	onAnn, onBob := newScreen(t), newScreen(t)
	onAnn.watch(b, ann)
	onBob.watch(b, bob)
	onAnn.expect("there", online(ann))
	onBob.expect("not there", gone(bob))
	a.mu.Lock() // what Set does, but for the publication
	a.counter++
	delete(a.here, ann)
	a.counter++
	a.here[bob] = here{Online, a.counter}
	a.mu.Unlock()
	b.Resync()
	onAnn.expect("found to be gone", left(ann))
	onBob.expect("found to be there", online(bob))
}

func TestOldNewsAreNoNews(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	a, _ := startGateway(t, url, auth, quick())
	ann := ids.New[ids.User]()
	a.Set(ann, Online)
	a.Set(ann, Away)
	s := newScreen(t)
	s.watch(a, ann)
	s.expect("away", away(ann))
	a.publish(subject.Presence(ann), a.change(ann, Online, 1)) // overtaken
	a.publish(subject.Presence(ann), &busv1.PresenceChanged{UserId: ann.String(), Status: &chatv1.Status{Text: "hi"}})
	want := away(ann)
	want.Status = &chatv1.Status{Text: "hi"}
	s.expect("still away", want)
}

func TestStatusAndLastSeen(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	yesterday := time.Now().Add(-24 * time.Hour)
	soon := time.Now().Add(time.Second)
	auth.is[ann] = Standing{LastSeen: yesterday, Status: &chatv1.Status{Emoji: "🏖", ExpiresAt: timestamppb.New(soon)}}
	a, _ := startGateway(t, url, auth, quick())
	s := newScreen(t)
	s.watch(a, ann)
	want := left(ann)
	want.Status = auth.is[ann].Status
	s.expect("as auth knows her", want)
	s.expect("the status has expired", left(ann))

	a.Set(bob, Online)
	a.Set(bob, Offline)
	a.Set(ann, Online)
	a.Close()
	if _, ok := auth.seen[bob]; !ok {
		t.Error("auth does not know when bob was last seen")
	}
}

// TestStatusThatChangesMeanwhile: what auth says by itself while it is asked is newer than its answer.
func TestStatusThatChangesMeanwhile(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	ann := ids.New[ids.User]()
	auth.is[ann] = Standing{Status: &chatv1.Status{Text: "before"}}
	a, _ := startGateway(t, url, auth, quick())
	auth.during = func() {
		a.publish(subject.Presence(ann), &busv1.PresenceChanged{UserId: ann.String(), Status: &chatv1.Status{Text: "since"}})
		heard := func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.table.users[ann].status.GetText() == "since"
		}
		for deadline := time.Now().Add(10 * time.Second); !heard() && time.Now().Before(deadline); {
			runtime.Gosched()
		}
	}
	s := newScreen(t)
	s.watch(a, ann)
	want := gone(ann)
	want.Status = &chatv1.Status{Text: "since"}
	s.expect("the newer one", want)
}

func TestWithoutAuth(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	auth.fail = context.DeadlineExceeded
	a, _ := startGateway(t, url, auth, quick())
	ann := ids.New[ids.User]()
	a.Set(ann, Online)
	s := newScreen(t)
	s.watch(a, ann)
	s.expect("presence works", online(ann))
}

func TestSubscriptionsFollowWhatIsWatched(t *testing.T) {
	t.Parallel()
	url, auth := testkit.NATS(t), newPeople()
	a, _ := startGateway(t, url, auth, quick())
	constant := a.nc.NumSubscriptions()
	users := make([]ids.User, MaxWatched)
	for i := range users {
		users[i] = ids.New[ids.User]()
		a.Set(users[i], Online)
	}
	one, two := newScreen(t), newScreen(t)
	one.watch(a, users...)
	two.watch(a, users[:10]...)
	for range users {
		<-one.frames
	}
	a.mu.Lock()
	watched := len(a.table.users)
	a.mu.Unlock()
	if watched != len(users) {
		t.Errorf("%d users are watched, want %d", watched, len(users))
	}
	one.watch(a)
	two.watch(a)
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := a.nc.NumSubscriptions(); n > constant+1 { // one for an answer under way
		t.Errorf("%d subscriptions are left of %d", n, constant)
	}
	if len(a.table.users) != 0 || len(a.table.watching) != 0 {
		t.Errorf("%d users and %d watchers are left", len(a.table.users), len(a.table.watching))
	}
}

// TestWhoComesBackHasNotLeft: auth is told of those who left and stayed away, not of everybody in a storm of reconnects.
func TestWhoComesBackHasNotLeft(t *testing.T) {
	t.Parallel()
	auth := newPeople()
	p, _ := startGateway(t, testkit.NATS(t), auth, protocol())
	ann, bob := ids.New[ids.User](), ids.New[ids.User]()
	for _, id := range []ids.User{ann, bob} {
		p.Set(id, Online)
		p.Set(id, Offline)
	}
	p.Set(ann, Away)
	p.record(t.Context(), time.Now().Add(-time.Minute))
	if len(auth.seen) != 0 {
		t.Errorf("recorded at once: %v", auth.seen)
	}
	p.record(t.Context(), time.Now())
	if _, ok := auth.seen[bob]; !ok || len(auth.seen) != 1 {
		t.Errorf("recorded %v, want bob", auth.seen)
	}
}
