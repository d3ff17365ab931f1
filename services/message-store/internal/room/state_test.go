package room_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// cast is a room with one user of each role, by role.
type cast struct {
	*room.State
	room  ids.Room
	users map[role.Role]ids.User
}

func newCast() *cast { return newCastIn(room.Settings{}) }

func newCastIn(settings room.Settings) *cast {
	c := &cast{room: ids.New[ids.Room](), users: map[role.Role]ids.User{role.None: ids.New[ids.User]()}}
	members := map[ids.User]room.Member{}
	for _, r := range role.All() {
		c.users[r] = ids.New[ids.User]()
		members[c.users[r]] = room.Member{Role: r}
	}
	head := store.Head{Seq: 10, Ordinal: 4, Version: 3, CreatedAt: 5000}
	c.State = room.NewState(head, room.Snapshot{Version: 3, Settings: settings, Members: members})
	c.LoadPins(0, 100)
	return c
}

func (c *cast) command(by role.Role, kind store.Kind, change func(*store.Event)) *room.Command {
	e := &store.Event{Room: c.room, Kind: kind, Actor: store.Actor{User: c.users[by]}}
	if change != nil {
		change(e)
	}
	return &room.Command{Event: e, Change: kind >= store.KindMemberJoined}
}

// do decides a command and assigns it if it is allowed.
func (c *cast) do(by role.Role, kind store.Kind, change func(*store.Event)) (room.Verdict, room.Made, fault.Code) {
	cmd, now := c.command(by, kind, change), 6000+int64(c.Head().Seq)
	verdict, made, refused := c.Decide(cmd, now)
	if verdict == room.Append {
		e := c.Assign(cmd, now)
		made = room.Made{Seq: e.Seq, CreatedAt: e.CreatedAt}
	}
	if refused != nil {
		return verdict, made, refused.Code
	}
	return verdict, made, ""
}

func about(seq uint32) func(*store.Event) { return func(e *store.Event) { e.Target = seq } }

// post adds a message of a role and returns its seq.
func (c *cast) post(t *testing.T, by role.Role) uint32 {
	t.Helper()
	verdict, made, _ := c.do(by, store.KindMessage, func(e *store.Event) { e.Content, e.Type = "v1", "text" })
	if verdict != room.Append {
		t.Fatalf("post by %q: verdict %d", by, verdict)
	}
	return made.Seq
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	edit := func(seq uint32) func(*store.Event) {
		return func(e *store.Event) { e.Target, e.Content = seq, "v2" }
	}
	react := func(seq uint32) func(*store.Event) { return func(e *store.Event) { e.Target, e.Emoji = seq, "👍" } }
	for name, tt := range map[string]struct {
		kind   store.Kind
		author role.Role
		change func(uint32) func(*store.Event)
		may    []role.Role
	}{
		"post":               {store.KindMessage, role.Member, about, []role.Role{role.Member, role.Moderator, role.Admin, role.Owner}},
		"edit another's":     {store.KindEdited, role.Owner, edit, []role.Role{role.Owner}},
		"edit a member's":    {store.KindEdited, role.Member, edit, []role.Role{role.Member}},
		"delete a member's":  {store.KindDeleted, role.Member, about, []role.Role{role.Member, role.Moderator, role.Admin, role.Owner}},
		"delete the owner's": {store.KindDeleted, role.Owner, about, []role.Role{role.Moderator, role.Admin, role.Owner}},
		"react":              {store.KindReaction, role.Member, react, []role.Role{role.Member, role.Moderator, role.Admin, role.Owner}},
		"pin":                {store.KindPinned, role.Member, about, []role.Role{role.Moderator, role.Admin, role.Owner}},
	} {
		for _, by := range append(role.All(), role.None) {
			t.Run(fmt.Sprint(name, "/", by), func(t *testing.T) {
				t.Parallel()
				c := newCast()
				target := c.post(t, tt.author)
				verdict, _, code := c.do(by, tt.kind, tt.change(target))
				may := slices.Contains(tt.may, by)
				if may != (verdict == room.Append) || !may && code != fault.PermissionDenied {
					t.Errorf("verdict %d %s, want allowed=%t", verdict, code, may)
				}
			})
		}
	}
}

// What changes nothing is acknowledged with the event that made it so, with that event's time.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	c := newCast()
	m := c.post(t, role.Member)
	posted := room.Made{Seq: m, CreatedAt: 6010}
	edit := func(content string) func(*store.Event) {
		return func(e *store.Event) { e.Target, e.Content = m, content }
	}
	react := func(removed bool) func(*store.Event) {
		return func(e *store.Event) { e.Target, e.Emoji, e.Removed = m, "👍", removed }
	}
	pin := func(removed bool) func(*store.Event) {
		return func(e *store.Event) { e.Target, e.Removed = m, removed }
	}
	expect := func(step string, by role.Role, kind store.Kind, change func(*store.Event), want room.Verdict, made room.Made) {
		t.Helper()
		got, at, code := c.do(by, kind, change)
		if got != want || at != made {
			t.Errorf("%s: verdict %d %+v %s, want %d %+v", step, got, at, code, want, made)
		}
	}
	expect("edit to the same", role.Member, store.KindEdited, edit("v1"), room.Unchanged, posted)
	expect("edit", role.Member, store.KindEdited, edit("v2"), room.Append, room.Made{Seq: 12, CreatedAt: 6011})
	expect("edit again", role.Member, store.KindEdited, edit("v2"), room.Unchanged, room.Made{Seq: 12, CreatedAt: 6011})
	expect("unreact what never was", role.Owner, store.KindReaction, react(true), room.Unchanged, posted)
	expect("react", role.Owner, store.KindReaction, react(false), room.Append, room.Made{Seq: 13, CreatedAt: 6012})
	expect("react again", role.Owner, store.KindReaction, react(false), room.Unchanged, room.Made{Seq: 13, CreatedAt: 6012})
	expect("another reacts", role.Member, store.KindReaction, react(false), room.Append, room.Made{Seq: 14, CreatedAt: 6013})
	expect("unreact", role.Owner, store.KindReaction, react(true), room.Append, room.Made{Seq: 15, CreatedAt: 6014})
	expect("unpin what never was", role.Owner, store.KindPinned, pin(true), room.Unchanged, posted)
	expect("pin", role.Owner, store.KindPinned, pin(false), room.Append, room.Made{Seq: 16, CreatedAt: 6015})
	expect("pin again", role.Admin, store.KindPinned, pin(false), room.Unchanged, room.Made{Seq: 16, CreatedAt: 6015})
	expect("delete", role.Owner, store.KindDeleted, about(m), room.Append, room.Made{Seq: 17, CreatedAt: 6016})
	expect("delete again", role.Member, store.KindDeleted, about(m), room.Unchanged, room.Made{Seq: 17, CreatedAt: 6016})
	if _, _, code := c.do(role.Member, store.KindEdited, edit("v3")); code != fault.NotFound {
		t.Errorf("edit of a deleted message: %q", code)
	}
	c.Commit()
	if !c.Needs(c.command(role.Member, store.KindEdited, edit("v3"))) {
		t.Error("the state remembers the content of a deleted message")
	}
}

func TestChangesOfTheRoom(t *testing.T) {
	t.Parallel()
	c := newCast()
	leave := func(version uint32) func(*store.Event) {
		return func(e *store.Event) {
			e.Version, e.Member = version, &store.Member{User: c.users[role.Member], Reason: "banned"}
		}
	}
	join := func(version uint32, as role.Role) func(*store.Event) {
		return func(e *store.Event) {
			e.Version, e.Member = version, &store.Member{User: c.users[role.Member], Role: string(as)}
		}
	}
	if verdict, _, _ := c.do(role.Owner, store.KindMemberLeft, leave(5)); verdict != room.Behind {
		t.Errorf("version 5 after 3: verdict %d", verdict)
	}
	if verdict, made, _ := c.do(role.Owner, store.KindMemberLeft, leave(3)); verdict != room.Unchanged || made.Seq != 10 {
		t.Errorf("version 3 after 3: verdict %d %+v", verdict, made)
	}
	if verdict, _, _ := c.do(role.Owner, store.KindMemberLeft, leave(4)); verdict != room.Append || c.Role(c.users[role.Member]) != role.None {
		t.Errorf("version 4 after 3: verdict %d", verdict)
	}
	if _, _, code := c.do(role.Member, store.KindMessage, nil); code != fault.PermissionDenied {
		t.Errorf("who was banned in this batch posts: %q", code)
	}
	if verdict, _, _ := c.do(role.Owner, store.KindMemberJoined, join(5, "moderator")); verdict != room.Append || c.Role(c.users[role.Member]) != role.Moderator {
		t.Errorf("the return: verdict %d, role %q", verdict, c.Role(c.users[role.Member]))
	}
	if h := c.Head(); h.Version != 5 || h.Seq != 12 || h.Ordinal != 4 {
		t.Errorf("head %+v", h)
	}
}

// While the log lacks changes that the members have, nobody may do anything: their events would come before the change
// that allows or forbids them.
func TestNothingBeforePendingChanges(t *testing.T) {
	t.Parallel()
	user := ids.New[ids.User]()
	s := room.NewState(store.Head{Version: 3}, room.Snapshot{Version: 4, Members: map[ids.User]room.Member{user: {Role: role.Owner}}})
	post := &room.Command{Event: &store.Event{Kind: store.KindMessage, Actor: store.Actor{User: user}}}
	if verdict, _, _ := s.Decide(post, 1); verdict != room.Behind {
		t.Errorf("verdict %d, want behind", verdict)
	}
	s.Assign(&room.Command{Change: true, Event: &store.Event{Kind: store.KindRoomUpdated, Version: 4, Info: &store.RoomInfo{}}}, 1)
	if verdict, _, _ := s.Decide(post, 1); verdict != room.Append {
		t.Errorf("after the change: verdict %d, want append", verdict)
	}
}

func TestLimitsOfReactions(t *testing.T) {
	t.Parallel()
	c := newCast()
	m := c.post(t, role.Member)
	react := func(by role.Role, emoji string) (room.Verdict, fault.Code) {
		verdict, _, code := c.do(by, store.KindReaction, func(e *store.Event) { e.Target, e.Emoji = m, emoji })
		return verdict, code
	}
	for i := range 50 {
		if verdict, code := react(role.Member, fmt.Sprint(i)); verdict != room.Append {
			t.Fatalf("emoji %d: %s", i, code)
		}
	}
	if _, code := react(role.Member, "one more"); code != fault.ResourceExhausted {
		t.Errorf("the 51st emoji: %q", code)
	}
	if verdict, code := react(role.Owner, "7"); verdict != room.Append {
		t.Errorf("a known emoji: %s", code)
	}
}

func TestLimitOfEdits(t *testing.T) {
	t.Parallel()
	c := newCast()
	m := c.post(t, role.Member)
	edit := func(content string) (room.Verdict, fault.Code) {
		verdict, _, code := c.do(role.Member, store.KindEdited, func(e *store.Event) { e.Target, e.Content = m, content })
		return verdict, code
	}
	for i := range 5000 {
		if verdict, code := edit(fmt.Sprint(i)); verdict != room.Append {
			t.Fatalf("edit %d: %s", i, code)
		}
	}
	if _, code := edit("one more"); code != fault.ResourceExhausted {
		t.Errorf("one more edit: %q", code)
	}
	if verdict, code := edit("4999"); verdict != room.Unchanged {
		t.Errorf("the same content again: verdict %d %s", verdict, code)
	}
}

// So many messages are pinned and no more, however the state learned of them.
func TestLimitOfPins(t *testing.T) {
	t.Parallel()
	c := newCast()
	pin := func(seq uint32, removed bool) (room.Verdict, fault.Code) {
		verdict, _, code := c.do(role.Moderator, store.KindPinned, func(e *store.Event) { e.Target, e.Removed = seq, removed })
		return verdict, code
	}
	a, b, d := c.post(t, role.Member), c.post(t, role.Member), c.post(t, role.Member)
	c.State.LoadPins(3, 5) // two more
	for i, step := range []struct {
		seq     uint32
		removed bool
		want    room.Verdict
		code    fault.Code
	}{
		{a, false, room.Append, ""}, {b, false, room.Append, ""}, {d, false, room.Refused, fault.ResourceExhausted},
		{a, false, room.Unchanged, ""}, {b, true, room.Append, ""}, {d, false, room.Append, ""}, {b, false, room.Refused, fault.ResourceExhausted},
	} {
		if verdict, code := pin(step.seq, step.removed); verdict != step.want || code != step.code {
			t.Errorf("step %d: verdict %d %s, want %d %s", i, verdict, code, step.want, step.code)
		}
	}
	if verdict, _, code := c.do(role.Moderator, store.KindDeleted, about(d)); verdict != room.Append {
		t.Fatalf("delete: %s", code)
	}
	if verdict, code := pin(b, false); verdict != room.Append {
		t.Errorf("after a pinned message was deleted: %s", code)
	}
}

// The pins of a room are counted when somebody pins for the first time, and then no more.
func TestPinsAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := room.NewState(store.Head{Seq: 3}, room.Snapshot{})
	pin, unpin := &room.Command{Event: &store.Event{Kind: store.KindPinned}}, &room.Command{Event: &store.Event{Kind: store.KindPinned, Removed: true}}
	if !s.NeedsPins(pin) || s.NeedsPins(unpin) || s.NeedsPins(&room.Command{Event: &store.Event{Kind: store.KindMessage}}) {
		t.Error("pins, and nothing else, need a count")
	}
	if s.LoadPins(7, 100); s.NeedsPins(pin) {
		t.Error("the count is needed again")
	}
}

func TestReplyAndTargetMustExist(t *testing.T) {
	t.Parallel()
	c := newCast()
	for name, tt := range map[string]struct {
		kind   store.Kind
		change func(*store.Event)
		want   fault.Code
	}{
		"reply to the future": {store.KindMessage, func(e *store.Event) { e.ReplyTo = 11 }, fault.InvalidArgument},
		"delete nothing":      {store.KindDeleted, about(0), fault.NotFound},
		"delete the future":   {store.KindDeleted, about(11), fault.NotFound},
		"delete what is not loaded because it is no message": {store.KindDeleted, about(10), fault.NotFound},
	} {
		if _, _, code := c.do(role.Owner, tt.kind, tt.change); code != tt.want {
			t.Errorf("%s: %q, want %q", name, code, tt.want)
		}
	}
	if verdict, _, code := c.do(role.Owner, store.KindMessage, func(e *store.Event) { e.ReplyTo = 10 }); verdict != room.Append {
		t.Errorf("reply to the head: %s", code)
	}
}

// A clock that went back does not take the room with it.
func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	c := newCast() // its head is at 5000
	for _, now := range []int64{4000, 5001, 1} {
		before := c.Head().CreatedAt
		e := c.Assign(c.command(role.Owner, store.KindMessage, nil), now)
		if e.CreatedAt != max(before, now) {
			t.Errorf("at %d after %d: created at %d", now, before, e.CreatedAt)
		}
	}
}
