package pipeline_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// rules is who may write, by what a log has said so far.
type rules struct {
	members map[ids.User]room.Member
	room    store.RoomInfo
}

func newRules() *rules { return &rules{members: map[ids.User]room.Member{}} }

// check takes the next event of the log, which must be allowed by those before it.
func (r *rules) check(t *testing.T, e *store.Event) {
	t.Helper()
	switch e.Kind {
	case store.KindMemberJoined:
		r.members[e.Member.User] = room.Member{Role: role.Role(e.Member.Role), MutedUntil: e.Member.MutedUntil}
	case store.KindMemberLeft:
		delete(r.members, e.Member.User)
	case store.KindRoomUpdated:
		r.room = *e.Info
	default:
		m := r.members[e.Actor.User]
		announces := e.Kind == store.KindMessage && e.Thread == 0 && r.room.IsAnnouncement
		if !m.Role.May(role.Post, role.Room) || m.MutedUntil > e.CreatedAt || r.room.IsArchived || r.room.IsDeleted ||
			announces && !m.Role.May(role.Announce, role.Room) {
			t.Errorf("event %d of kind %d is of %+v, in a room that is %+v", e.Seq, e.Kind, m, r.room)
		}
	}
}

const victim, bystander = 2, 3

// ending is a change after which somebody may not write any more.
type ending struct {
	end func(*fixture) *busv1.Command
	// again lets them write again; nil: that cannot be.
	again func(*fixture) *busv1.Command
	code  fault.Code
}

func endings() map[string]ending {
	join := func(f *fixture) *busv1.Command { return f.join(victim, "member") }
	return map[string]ending{
		"a ban":              {func(f *fixture) *busv1.Command { return f.leave(victim, "banned") }, join, fault.PermissionDenied},
		"a mute":             {func(f *fixture) *busv1.Command { return f.mute(victim, time.Now().Add(time.Hour)) }, join, fault.PermissionDenied},
		"the loss of a role": {func(f *fixture) *busv1.Command { return f.join(victim, "read_only") }, join, fault.PermissionDenied},
		"archiving": {
			func(f *fixture) *busv1.Command { return f.update(&chatv1.RoomUpdated{IsArchived: true}) },
			func(f *fixture) *busv1.Command { return f.update(&chatv1.RoomUpdated{}) }, fault.PermissionDenied,
		},
		"the deletion of the room": {func(f *fixture) *busv1.Command { return f.update(&chatv1.RoomUpdated{IsDeleted: true}) }, nil, fault.NotFound},
	}
}

// Two instances write to one room as fast as they can, both also for somebody who may not write any more from one change
// on, which both are told: after it the log has nothing more of them.
func TestNothingFollows(t *testing.T) {
	t.Parallel()
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, path := newFixture(), dbPath(t)
			s := openSQLite(t, path)
			pipelines := []*pipeline.Pipeline{start(t, f, s, 1), start(t, f, openSQLite(t, path), 1)}
			target := ack(t, pipelines[0], f, f.send(0, "target", "to react to")).GetSeq()
			for round := range 4 {
				var writers, warm sync.WaitGroup
				over := make(chan struct{})
				for via, p := range pipelines {
					for _, user := range []int{victim, bystander} {
						warm.Add(1)
						w := writer{f, p, user, fmt.Sprint(round, " ", via, " "), target}
						writers.Go(func() {
							w.write(t, 5)
							warm.Done()
							if user == victim {
								w.writeUntil(t, e.code)
							} else {
								w.writeWhile(over)
							}
						})
					}
				}
				warm.Wait()
				end := e.end(f)
				var relays sync.WaitGroup
				for _, p := range pipelines {
					relays.Go(func() {
						if o := insist(p, f.room, end); o.GetAck() == nil {
							t.Errorf("the change: %v", o.GetFault())
						}
					})
				}
				relays.Wait()
				close(over)
				writers.Wait()
				if e.again == nil {
					break
				}
				ack(t, pipelines[round%2], f, e.again(f))
			}
			rules := newRules()
			for _, e := range whole(t, s, f.room) {
				rules.check(t, e)
			}
		})
	}
}

// writer writes messages and reactions of one user through one instance, one after another.
type writer struct {
	f      *fixture
	p      *pipeline.Pipeline
	user   int
	prefix string
	target uint32
}

func (w writer) next(n int) *busv1.Outcome {
	nonce := fmt.Sprint(w.prefix, n)
	if n%4 == 3 {
		return insist(w.p, w.f.room, w.f.react(w.user, nonce, w.target, fmt.Sprint(n%40), n%80 > 40))
	}
	return insist(w.p, w.f.room, w.f.send(w.user, nonce, nonce))
}

// insist submits a command again for as long as the answer is unavailable, as senders do: of two instances that fight over a
// room one may lose again and again.
func insist(p *pipeline.Pipeline, in ids.Room, c *busv1.Command) *busv1.Outcome {
	for {
		if o := submit(p, in, c)[0]; code(o) != fault.Unavailable {
			return o
		}
	}
}

// write writes so many that must be acknowledged.
func (w writer) write(t *testing.T, count int) {
	t.Helper()
	for n := range count {
		if o := w.next(n); o.GetAck() == nil {
			t.Errorf("user %d may not write: %v", w.user, o.GetFault())
		}
	}
}

// writeUntil writes until it was refused three times.
func (w writer) writeUntil(t *testing.T, refused fault.Code) {
	t.Helper()
	for n, times := 100, 0; times < 3; n++ {
		switch o := w.next(n); {
		case code(o) == refused:
			times++
		case o.GetAck() == nil || times > 0:
			t.Errorf("user %d after %d refusals: %v", w.user, times, o)
			return
		}
	}
}

// writeWhile writes until over, whatever is answered.
func (w writer) writeWhile(over chan struct{}) {
	for n := 100; ; n++ {
		select {
		case <-over:
			return
		default:
			w.next(n)
		}
	}
}
