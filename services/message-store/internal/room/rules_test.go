package room_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func reply(to uint32) func(*store.Event) {
	return func(e *store.Event) { e.Thread, e.Content, e.Type = to, "r", "text" }
}

func react(to uint32) func(*store.Event) {
	return func(e *store.Event) { e.Target, e.Emoji = to, "👍" }
}

// update changes the settings of the room, as its next version.
func (c *cast) update(info store.RoomInfo) room.Verdict {
	verdict, _, _ := c.do(role.Owner, store.KindRoomUpdated, func(e *store.Event) { e.Version, e.Info = c.Head().Version+1, &info })
	return verdict
}

// at decides and assigns a message at a time, and returns when its sender may try again if it is refused.
func (c *cast) at(now int64, by role.Role, change func(*store.Event)) (fault.Code, time.Duration) {
	cmd := c.command(by, store.KindMessage, change)
	verdict, _, refused := c.Decide(cmd, now)
	if verdict == room.Append {
		c.Assign(cmd, now)
		return "", 0
	}
	return refused.Code, refused.RetryAfter
}

func TestArchivedRoomsAreRead(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"from the beginning", "by a change"} {
		c := newCastIn(room.Settings{Archived: how == "from the beginning"})
		if how == "by a change" {
			c.update(store.RoomInfo{IsArchived: true})
		}
		for _, by := range role.All() {
			for _, kind := range []store.Kind{store.KindMessage, store.KindEdited, store.KindDeleted, store.KindReaction, store.KindPinned} {
				if _, _, code := c.do(by, kind, about(10)); code != fault.PermissionDenied {
					t.Errorf("%s: %s, kind %d: %q", how, by, kind, code)
				}
			}
		}
		c.update(store.RoomInfo{})
		if _, _, code := c.do(role.Member, store.KindMessage, nil); code != "" {
			t.Errorf("%s: no longer archived: %q", how, code)
		}
	}
}

// In an announcement room everybody answers, but few begin.
func TestAnnouncementRooms(t *testing.T) {
	t.Parallel()
	for _, kind := range []role.Kind{role.Room, role.Group, role.Direct} {
		for _, by := range role.All() {
			t.Run(fmt.Sprint(kind, "/", by), func(t *testing.T) {
				t.Parallel()
				c := newCastIn(room.Settings{Kind: kind, Announcement: true})
				root := c.post(t, role.Owner)
				if _, _, code := c.do(by, store.KindMessage, nil); (code == "") != by.May(role.Announce, kind) || code != "" && code != fault.PermissionDenied {
					t.Errorf("a message: %q", code)
				}
				for what, change := range map[store.Kind]func(*store.Event){store.KindMessage: reply(root), store.KindReaction: react(root)} {
					if _, _, code := c.do(by, what, change); (code == "") != by.May(role.Post, kind) {
						t.Errorf("kind %d about the announcement: %q", what, code)
					}
				}
			})
		}
	}
}

func TestMute(t *testing.T) {
	t.Parallel()
	c := newCast()
	target := c.post(t, role.Member)
	mute := func(until int64) {
		c.do(role.Moderator, store.KindMemberJoined, func(e *store.Event) {
			e.Version, e.Member = c.Head().Version+1, &store.Member{User: c.users[role.Member], Role: "member", MutedUntil: until}
		})
	}
	mute(20_000)
	for kind, change := range map[store.Kind]func(*store.Event){
		store.KindMessage: nil, store.KindReaction: react(target), store.KindDeleted: about(target),
		store.KindEdited: func(e *store.Event) { e.Target, e.Content = target, "v2" },
	} {
		if _, _, code := c.do(role.Member, kind, change); code != fault.PermissionDenied {
			t.Errorf("kind %d: %q", kind, code)
		}
	}
	if code, wait := c.at(12_500, role.Member, nil); code != fault.PermissionDenied || wait != 7500*time.Millisecond {
		t.Errorf("muted: %q, again in %s", code, wait)
	}
	if code, _ := c.at(12_500, role.Owner, nil); code != "" {
		t.Errorf("another member: %q", code)
	}
	if code, _ := c.at(20_000, role.Member, nil); code != "" {
		t.Errorf("when it is over: %q", code)
	}
	mute(30_000)
	mute(0)
	if code, _ := c.at(20_001, role.Member, nil); code != "" {
		t.Errorf("lifted: %q", code)
	}
}

func TestSlowMode(t *testing.T) {
	t.Parallel()
	c := newCastIn(room.Settings{SlowMode: 10 * time.Second})
	root := c.post(t, role.Owner) // at 6010
	// What was posted before the state was made counts.
	c.Recall(&store.Event{Kind: store.KindMessage, Seq: 9, CreatedAt: 4000, Actor: store.Actor{User: c.users[role.Member]}})
	for i, tt := range []struct {
		now    int64
		by     role.Role
		change func(*store.Event)
		code   fault.Code
		wait   time.Duration
	}{
		{13_999, role.Member, nil, fault.ResourceExhausted, time.Millisecond},
		{14_000, role.Member, nil, "", 0},
		{14_000, role.Member, reply(root), fault.ResourceExhausted, 10 * time.Second}, // threads are no way around it
		{14_000, role.Owner, nil, "", 0},
		{14_000, role.Owner, nil, "", 0},
		{1000, role.Member, nil, fault.ResourceExhausted, 10 * time.Second}, // the clock went back: it counts from the room's time
		{24_000, role.Member, reply(root), "", 0},
		{24_001, role.Member, nil, fault.ResourceExhausted, 9999 * time.Millisecond},
	} {
		if code, wait := c.at(tt.now, tt.by, tt.change); code != tt.code || wait != tt.wait {
			t.Errorf("step %d: %q, again in %s; want %q, %s", i, code, wait, tt.code, tt.wait)
		}
	}
	if _, _, code := c.do(role.Member, store.KindReaction, react(root)); code != "" {
		t.Errorf("a reaction: %q", code)
	}
	c.update(store.RoomInfo{SlowModeSeconds: 1})
	if code, _ := c.at(25_000, role.Member, nil); code != "" {
		t.Errorf("a second later, when a second is enough: %q", code)
	}
	c.update(store.RoomInfo{})
	if code, _ := c.at(25_000, role.Member, nil); code != "" {
		t.Errorf("at any time: %q", code)
	}
}

// However many post in a slow room, only those are remembered who must wait.
func TestSlowModeForgets(t *testing.T) {
	t.Parallel()
	const people = 5000
	members := map[ids.User]room.Member{}
	var users []ids.User
	for range people {
		users = append(users, ids.New[ids.User]())
		members[users[len(users)-1]] = room.Member{Role: role.Member}
	}
	s := room.NewState(store.Head{}, room.Snapshot{Settings: room.Settings{SlowMode: time.Second}, Members: members})
	for i, u := range users {
		s.Assign(&room.Command{Event: &store.Event{Kind: store.KindMessage, Actor: store.Actor{User: u}}}, int64(i)*10)
	}
	now := s.Head().CreatedAt
	for i, u := range users {
		verdict, _, _ := s.Decide(&room.Command{Event: &store.Event{Kind: store.KindMessage, Actor: store.Actor{User: u}}}, now)
		if waits := now-int64(i)*10 < 1000; waits != (verdict == room.Refused) {
			t.Fatalf("user %d of %d: verdict %d", i, people, verdict)
		}
	}
	if n := s.Remembered(); n > 1000 {
		t.Errorf("remembers %d of %d", n, people)
	}
}

func TestNothingAfterTheEnd(t *testing.T) {
	t.Parallel()
	c := newCast()
	c.post(t, role.Owner)
	if verdict := c.update(store.RoomInfo{IsDeleted: true}); verdict != room.Append || !c.Deleted() || c.Members() != 0 {
		t.Fatalf("verdict %d, %d members", verdict, c.Members())
	}
	for _, kind := range []store.Kind{store.KindMessage, store.KindReaction, store.KindDeleted} {
		if _, _, code := c.do(role.Owner, kind, about(10)); code != fault.NotFound {
			t.Errorf("kind %d: %q", kind, code)
		}
	}
	if verdict := c.update(store.RoomInfo{}); verdict != room.Refused {
		t.Errorf("a change: verdict %d", verdict)
	}
	again := c.command(role.Owner, store.KindRoomUpdated, func(e *store.Event) { e.Version, e.Info = 4, &store.RoomInfo{IsDeleted: true} })
	if verdict, _, _ := c.Decide(again, 0); verdict != room.Unchanged {
		t.Errorf("the deletion again: verdict %d", verdict)
	}
}

func TestThreads(t *testing.T) {
	t.Parallel()
	c := newCast()
	root, other := c.post(t, role.Owner), c.post(t, role.Member)
	ordinal := c.Head().Ordinal
	var got []uint32
	for _, to := range []uint32{root, other, root, root} {
		cmd := c.command(role.Member, store.KindMessage, reply(to))
		if verdict, _, refused := c.Decide(cmd, 0); verdict != room.Append {
			t.Fatalf("reply to %d: %v", to, refused)
		}
		e := c.Assign(cmd, 0)
		got = append(got, e.ThreadOrdinal)
	}
	if !slices.Equal(got, []uint32{1, 1, 2, 3}) || c.Head().Ordinal != ordinal {
		t.Errorf("replies are the %v of their threads; ordinal %d, was %d", got, c.Head().Ordinal, ordinal)
	}
	first := c.Head().Seq - 3
	if _, _, code := c.do(role.Member, store.KindReaction, react(first)); code != "" {
		t.Errorf("a reaction to a reply: %q", code)
	}
	c.do(role.Owner, store.KindDeleted, about(other))
	for name, tt := range map[string]struct {
		to   uint32
		want fault.Code
	}{
		"of a reply": {first, fault.InvalidArgument}, "of a deleted message": {other, fault.NotFound}, "of the future": {99, fault.NotFound},
		"of no message": {10, fault.NotFound},
	} {
		if _, _, code := c.do(role.Owner, store.KindMessage, reply(tt.to)); code != tt.want {
			t.Errorf("in the thread %s: %q, want %q", name, code, tt.want)
		}
	}
	c.Commit()
	if again := c.command(role.Member, store.KindMessage, reply(root)); c.Needs(again) {
		t.Error("the root of a thread that goes on is read again")
	}
}
