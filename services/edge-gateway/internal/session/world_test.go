package session

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// person is a user of one test.
type person struct {
	b  *backend
	id ids.User
}

func (b *backend) person() *person { return &person{b, ids.New[ids.User]()} }

// token is an access token of the person that is valid for this long.
func (p *person) token(tb testing.TB, validFor time.Duration) string {
	tb.Helper()
	token, err := authn.Sign(authn.Identity{
		Caller:    authn.Caller{User: p.id, Username: "user-" + p.id.String()[30:], Email: "u@example.org", Session: ids.New[ids.Session]()},
		ExpiresAt: time.Now().Add(validFor),
	}, "k1", p.b.key)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// testRoom is a room of one test.
type testRoom struct {
	b  *backend
	id ids.Room
}

// room makes a room with these members and this many events.
func (b *backend) room(events int, people ...*person) *testRoom {
	r := &testRoom{b, ids.New[ids.Room]()}
	b.mu.Lock()
	b.logs[r.id] = &roomLog{version: 1}
	b.mu.Unlock()
	for _, p := range people {
		r.admit(p)
	}
	r.commit(events)
	return r
}

func (r *testRoom) String() string { return r.id.String() }

// log calls fn with the room's log, under the backend's lock.
func (r *testRoom) log(fn func(*roomLog)) {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	fn(r.b.logs[r.id])
}

// admit makes p a member, as of the log's version, without telling anybody.
func (r *testRoom) admit(p *person) {
	r.log(func(l *roomLog) {
		if r.b.members[p.id] == nil {
			r.b.members[p.id] = map[ids.Room]*roomsv1.Membership{}
		}
		r.b.members[p.id][r.id] = &roomsv1.Membership{
			Room: &chatv1.Room{Id: r.id.String(), Name: "room"}, Role: "member", Version: l.version,
		}
	})
}

// dismiss ends p's membership, without telling anybody.
func (r *testRoom) dismiss(p *person) {
	r.log(func(*roomLog) { delete(r.b.members[p.id], r.id) })
}

// tell publishes the user event that p's membership has changed.
func (r *testRoom) tell(tb testing.TB, p *person) {
	tb.Helper()
	p.publish(tb, &busv1.UserEvent{Event: &busv1.UserEvent_Membership{Membership: &busv1.MembershipChanged{RoomId: r.String()}}})
}

func (p *person) publish(tb testing.TB, ev *busv1.UserEvent) {
	tb.Helper()
	data, err := proto.Marshal(ev)
	if err == nil {
		err = p.b.nc.Publish(subject.UserEvent(p.id), data)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// commit appends messages to the room's log.
func (r *testRoom) commit(n int) {
	for range n {
		r.append(&chatv1.Event{Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hello"}}})
	}
}

func (r *testRoom) append(ev *chatv1.Event) {
	r.log(func(l *roomLog) { r.b.commit(r.id, l, ev) })
}

// appendLeft and appendJoined append the membership changes of p, each a version.
func (r *testRoom) appendLeft(p *person) {
	r.log(func(l *roomLog) {
		l.version++
		r.b.commit(r.id, l, &chatv1.Event{Body: &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{
			User: &chatv1.UserRef{Id: p.id.String()}, Reason: "kicked", Version: l.version,
		}}})
	})
}

func (r *testRoom) appendJoined(p *person) {
	r.log(func(l *roomLog) {
		l.version++
		r.b.commit(r.id, l, &chatv1.Event{Body: &chatv1.Event_MemberJoined{MemberJoined: &chatv1.MemberJoined{
			User: &chatv1.UserRef{Id: p.id.String()}, Role: "member", Version: l.version,
		}}})
	})
}

// requests are the commands that came, as they came.
func (r *testRoom) requests() (all [][]*busv1.Command) {
	r.log(func(l *roomLog) { all = append(all, l.requests...) })
	return all
}
