package pipeline_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/rpc"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	"github.com/natter-chat/natter/services/message-store/internal/api"
	"github.com/natter-chat/natter/services/message-store/internal/markers"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
)

// instance is a message-store with what it remembers.
type instance struct {
	pipeline *pipeline.Pipeline
	markers  *markers.Cache
	api      *api.API
}

// cached is a store whose moves of markers an instance remembers.
type cached struct {
	*sqlite.Store
	markers *markers.Cache
}

func (c cached) MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	return c.markers.MoveMarkers(ctx, moves)
}

// nobody owns no partition, and knows no names.
type nobody struct{}

func (nobody) Owns(int, time.Duration) bool { return false }

func (nobody) Names(context.Context, []ids.User) map[ids.User]*chatv1.UserRef { return nil }

// at is where a marker should be: by what its user did, in order.
type at struct{ seq, rev, held uint32 }

// readState is two instances, and where the markers of a room's users should be.
type readState struct {
	*testing.T
	*fixture
	r         *rand.Rand
	log       *sqlite.Store
	instances [2]instance
	nonces    int
	room      map[int]at
	threads   map[store.Reader]uint32
}

func newReadState(t *testing.T, path string, seed uint64) *readState {
	t.Helper()
	s := &readState{
		T: t, fixture: newFixture(), r: rand.New(rand.NewPCG(seed, 1)), log: openSQLite(t, path), room: map[int]at{}, threads: map[store.Reader]uint32{},
	}
	for i := range s.instances {
		db := openSQLite(t, path)
		c := markers.New(db, 1<<20)
		p := start(t, s.fixture, cached{db, c}, 1+i)
		s.instances[i] = instance{p, c, api.New(api.Deps{
			Log: db, Markers: c, Mentions: markers.NewMentions(db, 1<<20), Pipeline: p, Owner: nobody{}, People: nobody{},
		})}
	}
	s.heard = func(user ids.User, ev *busv1.UserEvent) { // as package peers does
		m := ev.GetMarker()
		for _, i := range s.instances {
			i.markers.Moved(store.Reader{User: user, Room: s.fixture.room, Thread: m.GetThread()},
				store.Marker{Seq: m.GetReadSeq(), Ordinal: m.GetOrdinal(), Rev: m.GetRev(), Held: m.GetHeld()})
		}
	}
	s.say(0, 0) // and with it the joins of the fixture
	for i := range s.users {
		if i > 0 {
			s.room[i] = at{seq: uint32(i + 1)}
		}
	}
	return s
}

func (s *readState) isMember(user int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members[s.users[user]].Role != role.None
}

// events is the log.
func (s *readState) events() []*store.Event { return whole(s, s.log, s.fixture.room) }

// say is a message in the room, or in a thread.
func (s *readState) say(user int, thread uint32) {
	s.nonces++
	via := s.instances[s.r.IntN(2)]
	c := s.send(user, fmt.Sprint("n", s.nonces), fmt.Sprintf("@user%d", s.r.IntN(9)))
	c.GetMessage().Thread = thread
	o := submit(via.pipeline, s.fixture.room, c)[0]
	seq := o.GetAck().GetSeq()
	switch {
	case seq == 0 && (s.isMember(user) && user != 4): // user 4 only reads
		s.Fatalf("%v: %v", c, o)
	case seq == 0:
	case thread != 0:
		s.threads[store.Reader{User: s.users[user], Room: s.fixture.room, Thread: thread}] = seq
	default:
		s.own(user, seq)
		s.check(via, user) // at once, by the instance that knows
	}
}

func (s *readState) own(user int, seq uint32) {
	if m := s.room[user]; seq > m.seq && seq > m.held {
		m.seq = seq
		s.room[user] = m
	}
}

func (s *readState) move(user int, m *storev1.Marker) {
	m.RoomId = s.fixture.room.String()
	if _, err := s.instances[s.r.IntN(2)].api.MoveMarkers(s.Context(), &storev1.MoveMarkersRequest{UserId: s.users[user].String(), Markers: []*storev1.Marker{m}}); err != nil {
		s.Fatal(err)
	}
}

// change is a change of the room that its relay brings to either instance.
func (s *readState) change(c *busv1.Command) uint32 {
	return ack(s, s.instances[s.r.IntN(2)].pipeline, s.fixture, c).GetSeq()
}

// step is whatever somebody does next.
func (s *readState) step() {
	events := s.events()
	head := uint32(len(events))
	user, seq := s.r.IntN(len(s.users)), uint32(1+s.r.IntN(len(events)+2))
	m := s.room[user]
	switch what := s.r.IntN(16); {
	case what < 4:
		s.say(user, 0)
	case what < 7:
		if e := events[s.r.IntN(len(events))]; e.Kind == store.KindMessage && e.Thread == 0 {
			s.say(user, e.Seq)
		}
	case what < 10:
		rev := uint32(s.r.IntN(int(m.rev) + 2))
		s.move(user, &storev1.Marker{Seq: seq, Rev: rev})
		if s.isMember(user) && rev >= m.rev {
			m.seq = max(m.seq, min(seq, head))
			s.room[user] = m
		}
	case what < 12:
		s.move(user, &storev1.Marker{Seq: seq, Unread: true})
		if s.isMember(user) && seq <= head {
			s.room[user] = at{seq - 1, m.rev + 1, head}
		}
	case what == 12:
		if e := events[s.r.IntN(len(events))]; e.Thread != 0 {
			s.move(user, &storev1.Marker{Seq: seq, Thread: e.Thread})
			who := store.Reader{User: s.users[user], Room: s.fixture.room, Thread: e.Thread}
			if s.isMember(user) && s.followers(events)[who] {
				s.threads[who] = max(s.threads[who], seq)
			}
		}
	case what == 13 && user > 1: // the owner and the moderator stay
		if s.isMember(user) {
			s.settle() // what they said before moves no marker of somebody who is gone
			s.change(s.leave(user, "kicked"))
		} else {
			s.own(user, s.change(s.join(user, "member")))
		}
	case what == 14 && s.isMember(user):
		s.mu.Lock()
		is := s.members[s.users[user]]
		s.mu.Unlock()
		c := s.member(user, room.Member{Role: is.Role})
		c.GetMemberJoined().IsChange = true
		s.change(c)
	default:
		time.Sleep(time.Duration(s.r.IntN(1500)) * time.Millisecond) //nolint:forbidigo // synctest's clock
	}
}

// settle waits until what is gathered is stored, and heard of.
func (s *readState) settle() {
	time.Sleep(3 * time.Second) //nolint:forbidigo // synctest's clock
	synctest.Wait()
}

// check compares what an instance says of a user's room with a recount.
func (s *readState) check(via instance, user int) {
	s.Helper()
	var unread uint32
	for _, e := range s.events() {
		if e.Kind == store.KindMessage && e.Thread == 0 && e.Seq > s.room[user].seq && e.Actor.User != s.users[user] {
			unread++
		}
	}
	req := &storev1.GetHeadsRequest{UserId: s.users[user].String(), RoomIds: []string{s.fixture.room.String()}}
	// What is remembered first: to read what is stored is to remember it.
	remembered, err := via.api.BatchGetHeads(s.Context(), &storev1.BatchGetHeadsRequest{Requests: []*storev1.GetHeadsRequest{req}})
	if err != nil {
		s.Fatal(err)
	}
	stored, err := via.api.GetHeads(s.Context(), req)
	if err != nil {
		s.Fatal(err)
	}
	for _, h := range []*storev1.Head{stored.GetHeads()[0], remembered.GetResponses()[0].GetHeads()[0]} {
		if want := s.room[user]; h.GetReadSeq() != want.seq || h.GetRev() != want.rev || h.GetUnread() != unread {
			s.Fatalf("user %d: %v, want %+v with %d unread", user, h, want, unread)
		}
	}
}

// followers are those of the threads in a log.
func (s *readState) followers(events []*store.Event) map[store.Reader]bool {
	follow := map[store.Reader]bool{}
	for _, e := range events {
		if e.Thread == 0 {
			continue
		}
		root := events[e.Thread-1]
		users := []ids.User{root.Actor.User, e.Actor.User}
		for _, m := range append(root.Mentions, e.Mentions...) {
			users = append(users, m.User)
		}
		for _, user := range users {
			follow[store.Reader{User: user, Room: e.Room, Thread: e.Thread}] = true
		}
	}
	return follow
}

// checkThreads compares the threads that a user follows with a recount.
func (s *readState) checkThreads(via instance, user int) {
	s.Helper()
	events := s.events()
	want := map[uint32]uint32{}
	for who := range s.followers(events) {
		if who.User != s.users[user] {
			continue
		}
		want[who.Thread] = 0
		for _, e := range events {
			if e.Thread == who.Thread && e.Seq > s.threads[who] && e.Actor.User != who.User {
				want[who.Thread]++
			}
		}
	}
	ctx := rpc.WithCaller(s.Context(), authn.Caller{User: s.users[user]})
	var before string
	for {
		res, err := via.api.ListFollowedThreads(ctx, &storev1.ListFollowedThreadsRequest{Limit: 3, Before: before})
		if err != nil {
			s.Fatal(err)
		}
		for _, th := range res.GetThreads() {
			seq := th.GetMessage().GetSeq()
			if n, ok := want[seq]; !ok || n != th.GetUnread() || !s.isMember(user) {
				s.Fatalf("user %d: thread %v, want %v", user, th, want)
			}
			delete(want, seq)
		}
		if before = res.GetNext(); before == "" {
			break
		}
	}
	if len(want) > 0 && s.isMember(user) {
		s.Fatalf("user %d does not follow %v", user, want)
	}
}

// Whatever people do, over two instances: what is unread is what a recount of the log finds, and markers are where the last
// word about them put them.
func TestUnreadIsARecount(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			path := dbPath(t)
			synctest.Test(t, func(t *testing.T) {
				s := newReadState(t, path, seed)
				for range 6 {
					for range 10 {
						s.step()
					}
					s.settle()
					for user := range s.users {
						for _, via := range s.instances {
							if s.isMember(user) {
								s.check(via, user)
							}
							s.checkThreads(via, user)
						}
					}
				}
			})
		})
	}
}
