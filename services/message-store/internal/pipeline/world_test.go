package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
)

// engine is a store as these tests use it.
type engine interface {
	pipeline.Log
	MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error)
	RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error)
}

// fixture is one room's surroundings: its members as the rooms service has them, and everything that was published.
type fixture struct {
	room  ids.Room
	users []ids.User

	mu        sync.Mutex
	members   map[ids.User]room.Member
	settings  room.Settings
	changes   []*busv1.Command // change v is at v-1
	published []*chatv1.Event
	beacons   []*busv1.RoomHead
	signals   []proto.Message
	called    []store.Calling
	announced []*busv1.MentionsChanged
	// slow are the names that are not known before a Find, and found holds that up until it is closed.
	slow  []string
	found chan struct{}
	// silence makes the next publications of events get lost.
	silence int
	// away makes the rooms service unavailable.
	away bool
	// heard is called with what is published about a user, if it is set.
	heard func(user ids.User, ev *busv1.UserEvent)
}

// newFixture is a room with an owner, a moderator, two members and a reader; their joins are not in the log yet.
func newFixture() *fixture {
	f := &fixture{room: ids.New[ids.Room](), members: map[ids.User]room.Member{}}
	for _, role := range []string{"owner", "moderator", "member", "member", "read_only"} {
		f.users = append(f.users, ids.New[ids.User]())
		f.join(len(f.users)-1, role)
	}
	return f
}

func (f *fixture) command(user int, nonce string) *busv1.Command {
	return &busv1.Command{RoomId: f.room.String(), Nonce: nonce, Actor: &chatv1.Actor{UserId: f.users[user].String(), Username: fmt.Sprint("user", user)}}
}

func (f *fixture) send(user int, nonce, content string) *busv1.Command {
	c := f.command(user, nonce)
	c.Body = &busv1.Command_Message{Message: &chatv1.MessagePosted{Content: content}}
	return c
}

func (f *fixture) reply(user int, nonce string, root uint32) *busv1.Command {
	c := f.send(user, nonce, nonce)
	c.GetMessage().Thread = root
	return c
}

func (f *fixture) edit(user int, nonce string, seq uint32, content string) *busv1.Command {
	c := f.command(user, nonce)
	c.Body = &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: seq, Content: content}}
	return c
}

func (f *fixture) delete(user int, nonce string, seq uint32) *busv1.Command {
	c := f.command(user, nonce)
	c.Body = &busv1.Command_Deleted{Deleted: &chatv1.MessageDeleted{Seq: seq}}
	return c
}

func (f *fixture) react(user int, nonce string, seq uint32, emoji string, removed bool) *busv1.Command {
	c := f.command(user, nonce)
	c.Body = &busv1.Command_Reaction{Reaction: &chatv1.ReactionChanged{Seq: seq, Emoji: emoji, Removed: removed}}
	return c
}

// changed is the relay's command of a change of the room, which fill completes for its version.
func (f *fixture) changed(actor int, fill func(c *busv1.Command, version uint32)) *busv1.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	version := uint32(len(f.changes) + 1)
	c := f.command(actor, bus.VersionNonce(version))
	fill(c, version)
	f.changes = append(f.changes, c)
	return c
}

// join, mute, leave and update change the room in the rooms service and return the command that its relay would send.
func (f *fixture) join(user int, as string) *busv1.Command {
	return f.member(user, room.Member{Role: role.Role(as)})
}

func (f *fixture) mute(user int, until time.Time) *busv1.Command {
	return f.member(user, room.Member{Role: role.Member, MutedUntil: until.UnixMilli()})
}

func (f *fixture) member(user int, m room.Member) *busv1.Command {
	return f.changed(user, func(c *busv1.Command, version uint32) {
		joined := &chatv1.MemberJoined{User: &chatv1.UserRef{Id: f.users[user].String()}, Role: string(m.Role), Version: version}
		if m.MutedUntil > 0 {
			joined.MutedUntil = timestamppb.New(time.UnixMilli(m.MutedUntil))
		}
		c.Body = &busv1.Command_MemberJoined{MemberJoined: joined}
		f.members[f.users[user]] = m
	})
}

func (f *fixture) leave(user int, reason string) *busv1.Command {
	return f.changed(0, func(c *busv1.Command, version uint32) {
		c.Body = &busv1.Command_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: &chatv1.UserRef{Id: f.users[user].String()}, Reason: reason, Version: version}}
		delete(f.members, f.users[user])
	})
}

func (f *fixture) update(to *chatv1.RoomUpdated) *busv1.Command {
	return f.changed(0, func(c *busv1.Command, version uint32) {
		to.Version = version
		c.Body = &busv1.Command_RoomUpdated{RoomUpdated: to}
		f.settings = room.Settings{
			Archived: to.GetIsArchived(), Announcement: to.GetIsAnnouncement(), SlowMode: time.Duration(to.GetSlowModeSeconds()) * time.Second,
		}
		if to.GetIsDeleted() {
			clear(f.members)
		}
	})
}

// Snapshot is the rooms service's.
func (f *fixture) Snapshot(_ context.Context, in ids.Room, logVersion uint32) (pipeline.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.away:
		return pipeline.Snapshot{}, fault.New(fault.Unavailable, "away")
	case in != f.room:
		return pipeline.Snapshot{}, fault.New(fault.NotFound, "there is no such room")
	}
	return pipeline.Snapshot{
		Snapshot: room.Snapshot{Version: uint32(len(f.changes)), Settings: f.settings, Members: maps.Clone(f.members)},
		Pending:  f.changes[min(int(logVersion), len(f.changes)):],
	}, nil
}

// Changed is the memory's of mentions.
func (f *fixture) Changed(c store.Calling) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.called = append(f.called, c)
}

// Remembered is as if every message after a marker called its reader.
func (f *fixture) Remembered(_ context.Context, readers []store.Behind, _ time.Time) (map[store.Reader]uint32, error) {
	counts := map[store.Reader]uint32{}
	for _, r := range readers {
		counts[r.Reader] = r.Head - r.Read
	}
	return counts, nil
}

// Known is the usernames': every user is called as the actor of command.
func (f *fixture) Known(names []mention.Reading) (map[string]ids.User, bool) {
	users, complete := map[string]ids.User{}, true
	for _, name := range names {
		if slices.Contains(f.slow, name.Key) {
			complete = false
			continue
		}
		for i, user := range f.users {
			if name.Key == fmt.Sprint("user", i) {
				users[name.Key] = user
			}
		}
	}
	return users, complete
}

// Find finds the slow ones, too.
func (f *fixture) Find(_ context.Context, names []mention.Reading) map[string]ids.User {
	<-f.found
	users, _ := (&fixture{users: f.users}).Known(names)
	return users
}

var errLost = errors.New("the network ate it")

// Publish is the bus's.
func (f *fixture) Publish(to string, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, isSignal, ok := subject.ParseRoom(to)
	switch {
	case ok && isSignal:
		f.signals = append(f.signals, decode(data, &busv1.RoomSignal{}))
	case ok:
		if f.silence > 0 {
			f.silence--
			return errLost
		}
		f.published = append(f.published, decode(data, &chatv1.Event{}))
	case to == subject.MentionsChanged:
		f.announced = append(f.announced, decode(data, &busv1.MentionsChanged{}))
	case to == subject.Head(subject.Partition(f.room)):
		f.beacons = append(f.beacons, decode(data, &busv1.Beacon{}).GetHeads()...)
	default:
		ev := decode(data, &busv1.UserEvent{})
		f.signals = append(f.signals, ev)
		if user, ok := subject.ParseUser(to); ok && f.heard != nil {
			f.heard(user, ev)
		}
	}
	return nil
}

func decode[M proto.Message](data []byte, into M) M {
	if err := proto.Unmarshal(data, into); err != nil {
		return into // an empty message fails whoever looks at it
	}
	return into
}

// partial is a rooms service that returns few of the pending changes at a time.
type partial struct{ *fixture }

func (p partial) Snapshot(ctx context.Context, in ids.Room, logVersion uint32) (pipeline.Snapshot, error) {
	s, err := p.fixture.Snapshot(ctx, in, logVersion)
	s.Pending = s.Pending[:min(len(s.Pending), 2)]
	return s, err
}

// start runs a pipeline over a store.
func start(tb testing.TB, f *fixture, log pipeline.Log, lanes int) *pipeline.Pipeline {
	tb.Helper()
	return startWith(tb, f, f, log, lanes)
}

func startWith(tb testing.TB, f *fixture, rooms pipeline.Rooms, log pipeline.Log, lanes int) *pipeline.Pipeline {
	tb.Helper()
	cfg := pipeline.Config{Lanes: lanes, MaxBatch: store.MaxAppend, MaxContent: 8 << 10, MaxPins: 100, Now: time.Now}
	p, err := pipeline.New(cfg, pipeline.Deps{
		Log: log, Rooms: rooms, Bus: f, Names: f, Mentions: f, HashKey: []byte("key"), Logger: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { p.Close(context.Background()) })
	return p
}

func openSQLite(tb testing.TB, path string) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func dbPath(tb testing.TB) string { return filepath.Join(tb.TempDir(), "messages.db") }

// submit sends commands and waits for their outcomes.
func submit(p *pipeline.Pipeline, in ids.Room, commands ...*busv1.Command) []*busv1.Outcome {
	answer := make(chan []*busv1.Outcome, 1)
	p.Submit(in, commands, func(o []*busv1.Outcome) { answer <- o })
	return <-answer
}

// ack submits one command that must be acknowledged.
func ack(tb testing.TB, p *pipeline.Pipeline, f *fixture, c *busv1.Command) *busv1.Ack {
	tb.Helper()
	o := submit(p, f.room, c)[0]
	if o.GetAck() == nil {
		tb.Fatalf("%s: %v", c.GetNonce(), o.GetFault())
	}
	return o.GetAck()
}

func code(o *busv1.Outcome) fault.Code { return fault.Code(o.GetFault().GetCode()) }

func whole(tb testing.TB, log pipeline.Log, in ids.Room) []*store.Event {
	tb.Helper()
	l, err := log.Events(context.Background(), in, 0, 100_000, 1<<30)
	if err != nil {
		tb.Fatal(err)
	}
	return l.Events
}
