package pipeline_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Members are mentioned, by whoever may write; everybody and who is here by those who may; the rest is text.
func TestMentions(t *testing.T) {
	t.Parallel()
	f := newFixture()
	s := openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	f.leave(3, "left")
	user := func(i int, offset uint32) store.Mention {
		return store.Mention{Kind: store.MentionUser, User: f.users[i], Offset: offset, Length: 6}
	}
	all := []store.Mention{{Kind: store.MentionRoom, Length: 5}, {Kind: store.MentionHere, Offset: 6, Length: 5}}
	for i, tt := range []struct {
		by      int
		content string
		want    []store.Mention
	}{
		{2, "hi @user0, @User4.", []store.Mention{user(0, 3), user(4, 11)}},
		{2, "@user3 @user9 `@user0` @user2", []store.Mention{user(2, 23)}}, // 3 has left, 9 never was
		{2, "@room @here", nil},
		{1, "@room @here", all},
		{0, "plain", nil},
	} {
		c := f.send(tt.by, string(rune('a'+i)), tt.content)
		at := ack(t, p, f, c).GetSeq()
		log := whole(t, s, f.room)
		if got := log[at-1].Mentions; !slices.Equal(got, tt.want) {
			t.Errorf("%q: %+v, want %+v", tt.content, got, tt.want)
		}
		if again := ack(t, p, f, c); !again.GetDuplicate() || again.GetSeq() != at {
			t.Errorf("%q again: %v", tt.content, again)
		}
	}
	for _, e := range f.published {
		if m := e.GetMessage().GetMentions(); e.GetMessage().GetContent() == "@room @here" && len(m) != 0 && (len(m) != 2 || m[0].GetKind() != "room") {
			t.Errorf("published mentions: %v", m)
		}
	}
}

// What an event changes about whom a message calls is known here and announced, before the sender hears of it.
func TestMentionsAreAnnounced(t *testing.T) {
	t.Parallel()
	f := newFixture()
	p := start(t, f, openSQLite(t, dbPath(t)), 1)
	var want []store.Calling
	check := func(step string, seq, asOf uint32, users ...int) {
		t.Helper()
		c := store.Calling{Ref: store.Ref{Room: f.room, Seq: seq}, AsOf: asOf, Author: f.users[2]}
		for _, i := range users {
			c.Users = append(c.Users, f.users[i])
		}
		want = append(want, c)
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.called) != len(want) || len(f.announced) != len(want) {
			t.Fatalf("%s: %d changes, %d announced, want %d", step, len(f.called), len(f.announced), len(want))
		}
		got, said := f.called[len(want)-1], f.announced[len(want)-1]
		if got.Ref != c.Ref || got.AsOf != c.AsOf || got.Author != c.Author || !slices.Equal(got.Users, c.Users) ||
			said.GetSeq() != seq || said.GetAsOfSeq() != asOf || len(said.GetUserIds()) != len(users) {
			t.Errorf("%s: %+v, %v; want %+v", step, got, said, c)
		}
	}
	ack(t, p, f, f.send(2, "plain", "hello"))
	m := ack(t, p, f, f.send(2, "m", "@user0 @user2")).GetSeq()
	check("sent", m, m, 0)
	e := ack(t, p, f, f.edit(2, "e", m, "@user1")).GetSeq()
	check("edited", m, e, 1)
	ack(t, p, f, f.react(0, "r", m, "👍", false))
	d := ack(t, p, f, f.delete(2, "d", m)).GetSeq()
	check("deleted", m, d)
}

// A message whose names must be looked up holds up its sender's next ones, in order, and nobody else's.
func TestNamesHoldUpTheirSender(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.slow, f.found = []string{"user1"}, make(chan struct{})
	s := openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	answers := make(chan string, 3)
	for _, c := range []*busv1.Command{f.send(2, "first", "@user1"), f.send(2, "second", "plain"), f.send(2, "third", "@user1 @user0")} {
		p.Submit(f.room, []*busv1.Command{c}, func(o []*busv1.Outcome) {
			if o[0].GetAck() == nil {
				t.Errorf("%s: %v", c.GetNonce(), o[0])
			}
			answers <- c.GetNonce()
		})
	}
	ack(t, p, f, f.send(3, "other", "of somebody else"))
	select {
	case nonce := <-answers:
		t.Fatalf("%s was answered before its names were known", nonce)
	default:
	}
	close(f.found)
	for _, want := range []string{"first", "second", "third"} {
		if got := <-answers; got != want {
			t.Fatalf("%s was answered, want %s", got, want)
		}
	}
	var nonces []string
	for _, e := range whole(t, s, f.room) {
		if e.Kind != store.KindMessage {
			continue
		}
		nonces = append(nonces, e.Nonce)
		if mentioned := len(e.Mentions); e.Nonce == "first" && mentioned != 1 || e.Nonce == "third" && mentioned != 2 {
			t.Errorf("%s mentions %v", e.Nonce, e.Mentions)
		}
	}
	if want := []string{"other", "first", "second", "third"}; !slices.Equal(nonces, want) {
		t.Errorf("the log has %v, want %v", nonces, want)
	}
	ack(t, p, f, f.send(2, "fourth", "plain"))
}

// What waits for names when the pipeline is closed is answered.
func TestCloseWaitsForNames(t *testing.T) {
	t.Parallel()
	f := newFixture()
	f.slow, f.found = []string{"user1"}, make(chan struct{})
	p := start(t, f, openSQLite(t, dbPath(t)), 1)
	answer := make(chan *busv1.Outcome, 1)
	p.Submit(f.room, []*busv1.Command{f.send(2, "first", "@user1")}, func(o []*busv1.Outcome) { answer <- o[0] })
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		p.Close(t.Context())
	}()
	close(f.found)
	<-closed
	if o := <-answer; o.GetAck() == nil {
		t.Errorf("answered %v", o)
	}
}

// The names in a message are not part of what its nonce stands for: a retry that knows fewer is the same message.
func TestRetryWithoutNames(t *testing.T) {
	t.Parallel()
	f := newFixture()
	path := dbPath(t)
	p := start(t, f, openSQLite(t, path), 1)
	c := f.send(2, "n", "@user1")
	first := ack(t, p, f, c)
	nobody := newFixture()
	nobody.room, nobody.members, nobody.changes = f.room, f.members, f.changes // but it knows other users
	other := start(t, nobody, openSQLite(t, path), 1)
	if again := ack(t, other, f, proto.CloneOf(c)); !again.GetDuplicate() || again.GetSeq() != first.GetSeq() {
		t.Errorf("again: %v, first %v", again, first)
	}
}

var _ pipeline.Names = (*fixture)(nil)
