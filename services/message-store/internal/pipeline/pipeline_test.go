package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/pipeline"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// The first command of a cold room finds the changes that nobody relayed in front of it.
func TestColdRoomGetsItsPendingChangesFirst(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	got := ack(t, p, f, f.send(2, "a", "hello"))
	if got.GetSeq() != 6 || got.GetDuplicate() {
		t.Errorf("ack %v, want seq 6 after five joins", got)
	}
	log := whole(t, s, f.room)
	for i, e := range log[:5] {
		if e.Kind != store.KindMemberJoined || e.Version != uint32(i+1) {
			t.Errorf("event %d: %+v", i+1, e)
		}
	}
	if e := log[5]; e.Version != 5 || e.Ordinal != 1 || e.Content != "hello" || e.Type != "text" || e.CreatedAt != got.GetCreatedAt().AsTime().UnixMilli() {
		t.Errorf("message %+v", e)
	}
	if len(f.published) != 6 || f.published[5].GetMessage().GetContent() != "hello" || f.published[5].GetSeq() != 6 {
		t.Errorf("published %v", f.published)
	}
	// The relay comes late: what it brings is in the log.
	if late := ack(t, p, f, f.changes[2]); late.GetSeq() != 3 || !late.GetDuplicate() {
		t.Errorf("a change that is in the log: %v", late)
	}
}

func TestRetryReturnsTheOriginalAck(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	s := openSQLite(t, path)
	p, other := start(t, f, s, 1), start(t, f, openSQLite(t, path), 1)
	first := ack(t, p, f, f.send(2, "a", "hello"))
	for name, via := range map[string]func(*busv1.Command) *busv1.Outcome{
		"same instance":  func(c *busv1.Command) *busv1.Outcome { return submit(p, f.room, c)[0] },
		"other instance": func(c *busv1.Command) *busv1.Outcome { return submit(other, f.room, c)[0] },
	} {
		again := via(f.send(2, "a", "hello")).GetAck()
		if again.GetSeq() != first.GetSeq() || !proto.Equal(again.GetCreatedAt(), first.GetCreatedAt()) || !again.GetDuplicate() {
			t.Errorf("%s: %v, want %v as a duplicate", name, again, first)
		}
		if got := code(via(f.send(2, "a", "something else"))); got != fault.Conflict {
			t.Errorf("%s: other content with the same nonce: %q", name, got)
		}
	}
	// Another user's nonce is another nonce.
	if theirs := ack(t, p, f, f.send(3, "a", "hello")); theirs.GetSeq() == first.GetSeq() || theirs.GetDuplicate() {
		t.Errorf("another user's: %v", theirs)
	}
	// Who was banned since still learns what became of their send, but sends nothing more.
	ack(t, p, f, f.leave(2, "banned"))
	if again := submit(other, f.room, f.send(2, "a", "hello"))[0].GetAck(); again.GetSeq() != first.GetSeq() {
		t.Errorf("after the ban: %v", again)
	}
	for _, q := range []string{"b", "c"} {
		if got := code(submit(other, f.room, f.send(2, q, "still here"))[0]); got != fault.PermissionDenied {
			t.Errorf("a banned user's send: %q", got)
		}
	}
	// And neither does the deletion of the message change the answer.
	ack(t, p, f, f.delete(0, "d", first.GetSeq()))
	f.mu.Lock()
	f.members[f.users[2]] = room.Member{Role: role.Member}
	f.mu.Unlock()
	if again := submit(p, f.room, f.send(2, "a", "hello"))[0].GetAck(); again.GetSeq() != first.GetSeq() {
		t.Errorf("after the deletion: %v", again)
	}
}

func TestParallelSendsOfOneNonce(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	s := openSQLite(t, path)
	pipelines := []interface {
		Submit(ids.Room, []*busv1.Command, func([]*busv1.Outcome))
	}{start(t, f, s, 1), start(t, f, openSQLite(t, path), 4)}
	const sends = 100
	answers := make(chan []*busv1.Outcome, sends)
	var wg sync.WaitGroup
	for i := range sends {
		wg.Go(func() {
			pipelines[i%2].Submit(f.room, []*busv1.Command{f.send(2, "same", "hello")}, func(o []*busv1.Outcome) { answers <- o })
		})
	}
	wg.Wait()
	var first *busv1.Ack
	originals := 0
	for range sends {
		a := (<-answers)[0].GetAck()
		if first == nil {
			first = a
		}
		if a == nil || a.GetSeq() != first.GetSeq() || !proto.Equal(a.GetCreatedAt(), first.GetCreatedAt()) {
			t.Fatalf("acks differ: %v and %v", a, first)
		}
		if !a.GetDuplicate() {
			originals++
		}
	}
	messages := 0
	for _, e := range whole(t, s, f.room) {
		if e.Kind == store.KindMessage {
			messages++
		}
	}
	if messages != 1 || originals != 1 {
		t.Errorf("%d messages, %d acks that are not duplicates; want 1 of each", messages, originals)
	}
}

// A request's commands are applied in their order, and each has an answer of its own.
func TestCommandsOfOneRequest(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	out := submit(p, f.room,
		f.send(2, "a", "one"), f.edit(2, "b", 6, "two"), f.send(2, "", "no nonce"), f.edit(3, "c", 6, "not mine"),
		f.react(3, "d", 6, "👍", false), f.react(3, "e", 6, "👍", false), f.delete(1, "f", 6), f.edit(2, "g", 6, "three"),
		f.delete(0, "h", 6), f.react(3, "i", 99, "👍", false), f.send(2, "a", "one"))
	type want struct {
		seq       uint32
		duplicate bool
		code      fault.Code
	}
	for i, w := range []want{
		{seq: 6}, {seq: 7}, {code: fault.InvalidArgument}, {code: fault.PermissionDenied},
		{seq: 8}, {seq: 8, duplicate: true}, {seq: 9}, {code: fault.NotFound},
		{seq: 9, duplicate: true}, {code: fault.NotFound}, {seq: 6, duplicate: true},
	} {
		got := want{out[i].GetAck().GetSeq(), out[i].GetAck().GetDuplicate(), code(out[i])}
		if got != w {
			t.Errorf("command %d: %+v, want %+v", i, got, w)
		}
	}
	// The same again, message by message from the store's memory instead of the batch's.
	if again := submit(p, f.room, f.react(3, "j", 6, "🎉", false))[0]; code(again) != fault.NotFound {
		t.Errorf("reaction to a deleted message: %v", again)
	}
	if n := len(whole(t, s, f.room)); n != 9 {
		t.Errorf("%d events, want 9", n)
	}
}

// A refusal must not come from a state that another instance has made old.
func TestRefusalsAreDecidedOnTheHead(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	a, b := start(t, f, openSQLite(t, path), 1), start(t, f, openSQLite(t, path), 1)
	stranger := ids.New[ids.User]()
	f.users = append(f.users, stranger)
	if got := code(submit(a, f.room, f.send(5, "early", "hi"))[0]); got != fault.PermissionDenied {
		t.Fatalf("a stranger's send: %q", got)
	}
	ack(t, b, f, f.join(5, "member")) // a does not hear of it
	ack(t, a, f, f.send(5, "now", "hi"))

	m := ack(t, b, f, f.send(5, "m", "to react to")).GetSeq()
	ack(t, a, f, f.react(5, "r1", m, "👍", false))
	ack(t, b, f, f.react(5, "r2", m, "👍", true)) // a believes that it is still there
	if again := ack(t, a, f, f.react(5, "r3", m, "👍", false)); again.GetDuplicate() {
		t.Errorf("a reaction that was removed meanwhile is acked as unchanged: %v", again)
	}
}

func TestRole(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	s := openSQLite(t, path)
	a, b := start(t, f, s, 1), start(t, f, openSQLite(t, path), 1)
	is, members, err := a.Role(t.Context(), f.room, f.users[1], 0)
	if err != nil || is != role.Moderator || members != 5 {
		t.Errorf("role %q of %d members, %v", is, members, err)
	}
	ack(t, b, f, f.leave(1, "kicked"))
	heads, err := s.Heads(t.Context(), []ids.Room{f.room})
	if err != nil {
		t.Fatal(err)
	}
	if is, _, err := a.Role(t.Context(), f.room, f.users[1], heads[f.room].Version); err != nil || is != role.None {
		t.Errorf("after the kick: role %q, %v", is, err)
	}
	if _, _, err := a.Role(t.Context(), ids.New[ids.Room](), f.users[1], 0); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("role in no room: %v", err)
	}
}

func TestWhenRoomsIsAway(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	f.away = true
	o := submit(p, f.room, f.send(2, "a", "hi"))[0]
	if code(o) != fault.Unavailable || o.GetFault().GetRetryAfterMs() == 0 {
		t.Errorf("outcome %v, want unavailable with a time", o)
	}
	f.mu.Lock()
	f.away = false
	f.mu.Unlock()
	ack(t, p, f, f.send(2, "a", "hi"))
	// A warm room needs nobody.
	f.mu.Lock()
	f.away = true
	f.mu.Unlock()
	ack(t, p, f, f.send(2, "b", "hi"))
	if got := code(submit(p, ids.New[ids.Room](), &busv1.Command{})[0]); got != fault.InvalidArgument {
		t.Errorf("a command for another room: %q", got)
	}
}

func TestClosedPipelineRefuses(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 2)
	answers := make(chan []*busv1.Outcome, 50)
	for i := range 50 {
		p.Submit(f.room, []*busv1.Command{f.send(2, fmt.Sprint(i), "hi")}, func(o []*busv1.Outcome) { answers <- o })
	}
	p.Close(context.Background())
	for range 50 { // what was taken is answered before Close returns
		select {
		case o := <-answers:
			if o[0].GetAck() == nil {
				t.Errorf("not acked: %v", o)
			}
		default:
			t.Fatal("Close returned with a command unanswered")
		}
	}
	if got := code(submit(p, f.room, f.send(2, "late", "hi"))[0]); got != fault.Unavailable {
		t.Errorf("after Close: %q", got)
	}
}

// An event whose publication was lost is in a beacon within 10 s, and the sender's retry publishes it again.
func TestLostPublicationIsNoticed(t *testing.T) {
	t.Parallel()
	path := dbPath(t)
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(), openSQLite(t, path)
		p := start(t, f, s, 1)
		ack(t, p, f, f.send(2, "a", "heard"))
		f.mu.Lock()
		f.silence, f.beacons = 1, nil
		f.mu.Unlock()
		lost := ack(t, p, f, f.send(2, "b", "not heard"))
		time.Sleep(10 * time.Second) //nolint:forbidigo // synctest's clock: no time passes
		synctest.Wait()
		f.mu.Lock()
		if len(f.published) != 6 || len(f.beacons) == 0 || f.beacons[0].GetSeq() != lost.GetSeq() {
			t.Errorf("%d published; beacons %v, want seq %d", len(f.published), f.beacons, lost.GetSeq())
		}
		f.mu.Unlock()
		ack(t, p, f, f.send(2, "b", "not heard"))
		f.mu.Lock()
		if last := f.published[len(f.published)-1]; last.GetSeq() != lost.GetSeq() || last.GetMessage().GetContent() != "not heard" {
			t.Errorf("published last: %v", last)
		}
		n := len(f.published)
		f.mu.Unlock()
		time.Sleep(2 * time.Minute) //nolint:forbidigo // synctest's clock
		ack(t, p, f, f.send(2, "b", "not heard"))
		f.mu.Lock()
		if len(f.published) != n {
			t.Error("an old event was published again")
		}
		f.beacons = nil
		f.mu.Unlock()
		time.Sleep(5 * time.Minute) //nolint:forbidigo // synctest's clock
		f.mu.Lock()
		f.beacons = nil
		f.mu.Unlock()
		time.Sleep(time.Minute) //nolint:forbidigo // synctest's clock
		f.mu.Lock()
		if len(f.beacons) != 0 {
			t.Errorf("beacons of a room that is silent: %v", f.beacons)
		}
		f.mu.Unlock()
		p.Close(context.Background())
	})
}

// More at once than one commit takes, over several rooms of one lane, in order.
func TestBurstKeepsTheOrder(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	const sends = 1000
	answers := make(chan []*busv1.Outcome, sends)
	for i := range sends {
		p.Submit(f.room, []*busv1.Command{f.send(2, fmt.Sprint(i), fmt.Sprint(i))}, func(o []*busv1.Outcome) { answers <- o })
	}
	for i := range sends {
		if a := (<-answers)[0].GetAck(); a.GetSeq() != uint32(i+6) {
			t.Fatalf("ack %d has seq %d", i, a.GetSeq())
		}
	}
	for i, e := range f.published[5:] {
		if e.GetSeq() != uint32(i+6) || e.GetMessage().GetContent() != fmt.Sprint(i) {
			t.Fatalf("published %d: %v", i, e)
		}
	}
}

// A room with more pending changes than a snapshot holds is caught up in several.
func TestSnapshotWithSomeOfThePendingChanges(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := startWith(t, f, partial{f}, s, 1)
	if got := ack(t, p, f, f.send(2, "a", "hi")); got.GetSeq() != 6 {
		t.Errorf("ack %v", got)
	}
	if log := whole(t, s, f.room); len(log) != 6 || log[4].Version != 5 {
		t.Errorf("log of %d events", len(log))
	}
}

func TestLimitsOfARequest(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	p := start(t, f, s, 1)
	var many []*busv1.Command
	for i := range 65 {
		many = append(many, f.send(2, fmt.Sprint(i), "x"))
	}
	if out := submit(p, f.room, many...); len(out) != 65 || code(out[64]) != fault.InvalidArgument || len(whole(t, s, f.room)) != 0 {
		t.Errorf("%d outcomes, the last %v", len(out), out[64])
	}
	long := f.send(2, "long", strings.Repeat("é", 4<<10)+"x")
	if o := submit(p, f.room, long)[0]; code(o) != fault.InvalidArgument || o.GetFault().GetField() != "content" {
		t.Errorf("content of 8193 bytes: %v", o)
	}
	if o := submit(p, f.room, f.send(2, "fits", strings.Repeat("é", 4<<10)))[0]; o.GetAck() == nil {
		t.Errorf("content of 8192 bytes: %v", o)
	}
	if e := f.published[len(f.published)-1]; e.GetBody().(*chatv1.Event_Message).Message.GetContent() == "" {
		t.Error("published without content")
	}
}

// A rooms service that does not answer must not make the queue grow without a bound.
func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	f, s := newFixture(), openSQLite(t, dbPath(t))
	answer := make(chan struct{})
	p := startWith(t, f, waiting{f, answer}, s, 1)
	outcomes := make(chan []*busv1.Outcome, 1000)
	var commands []*busv1.Command
	for i := range 64 {
		commands = append(commands, f.send(2, fmt.Sprint(i), strings.Repeat("x", 8<<10)))
	}
	const requests = 200 // of half a megabyte
	for range requests {
		p.Submit(f.room, commands, func(o []*busv1.Outcome) { outcomes <- o })
	}
	refused := len(outcomes) // those that were not taken were answered at once
	if refused == 0 || refused == requests {
		t.Errorf("%d of %d requests were refused", refused, requests)
	}
	if o := <-outcomes; code(o[0]) != fault.Unavailable || o[0].GetFault().GetRetryAfterMs() == 0 {
		t.Errorf("outcome %v", o[0])
	}
	close(answer)
	for range requests - 1 {
		<-outcomes
	}
	ack(t, p, f, f.send(2, "after", "the queue is empty again"))
}

// waiting is a rooms service that answers when it is told to.
type waiting struct {
	*fixture
	answer chan struct{}
}

func (w waiting) Snapshot(ctx context.Context, in ids.Room, logVersion uint32) (pipeline.Snapshot, error) {
	<-w.answer
	return w.fixture.Snapshot(ctx, in, logVersion)
}
