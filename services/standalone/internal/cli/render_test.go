package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestRender(t *testing.T) {
	t.Parallel()
	at := &timestamppb.Timestamp{Seconds: 1_790_000_000}
	now := clock(at)
	event := func(e *chatv1.Event) *chatv1.Event {
		e.Seq, e.CreatedAt, e.Actor = 7, at, &chatv1.Actor{Username: "a\x1bna"}
		return e
	}
	ben := &chatv1.UserRef{Username: "ben"}
	for want, e := range map[string]*chatv1.Event{
		"#7 T a\ufffdna: hi": {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hi"}}},
		"#7 T a\ufffdna → #3: see [image http://x/y.png]": {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{
			Content: "see", ReplyTo: 3, Type: "image", FileUrl: "http://x/y.png",
		}}},
		"#7 T a\ufffdna: [file a\ufffdb.pdf, 1.2 MB]": {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{
			Type: "file", FileUrl: "/files/x", File: &chatv1.File{Name: "a\x1bb.pdf", Size: 1_200_000},
		}}},
		"#7 T a\ufffdna: (deleted)":                 {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Deleted: true}}},
		"#7 T · a\ufffdna edited #3: hi":            {Body: &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: 3, Content: "hi"}}},
		"#7 T · a\ufffdna deleted #3":               {Body: &chatv1.Event_Deleted{Deleted: &chatv1.MessageDeleted{Seq: 3}}},
		"#7 T · a\ufffdna put + on #3":              {Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 3, Emoji: "+"}}},
		"#7 T · a\ufffdna took + off #3":            {Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 3, Emoji: "+", Removed: true}}},
		"#7 T · a\ufffdna pinned #3":                {Body: &chatv1.Event_Pinned{Pinned: &chatv1.PinChanged{Seq: 3}}},
		"#7 T · a\ufffdna unpinned #3":              {Body: &chatv1.Event_Pinned{Pinned: &chatv1.PinChanged{Seq: 3, Removed: true}}},
		"#7 T · ben is a member (owner)":            {Body: &chatv1.Event_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: ben, Role: "owner"}}},
		"#7 T · ben is no longer a member (left)":   {Body: &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: ben, Reason: "left"}}},
		"#7 T · ben is now read-only, by a\ufffdna": {Body: &chatv1.Event_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: ben, Role: "read_only", IsChange: true}}},
		"#7 T · ben is no longer a member (banned by a\ufffdna): spam": {Body: &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{
			User: ben, Reason: "banned", Note: "spam",
		}}},
		"#7 T · a\ufffdna changed the room: b – “tea”, archived, a message every 9 s": {Body: &chatv1.Event_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{
			Name: "b", Topic: "tea", IsArchived: true, SlowModeSeconds: 9,
		}}},
		"#7 T a\ufffdna in thread #3: hi":                               {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hi", Thread: 3}}},
		"#7 T · a\ufffdna changed the room: b":                          {Body: &chatv1.Event_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{Name: "b"}}},
		"#7 T · something happened that this client is too old to show": {},
	} {
		if got := renderEvent(event(e)); got != strings.Replace(want, "T", now, 1) {
			t.Errorf("renderEvent = %q, want %q", got, want)
		}
	}
}

func TestRenderMessage(t *testing.T) {
	t.Parallel()
	at := &timestamppb.Timestamp{Seconds: 1_790_000_000}
	v := view{me: "me", highlight: func(s string) string { return "<" + s + ">" }}
	call := func(user string, offset, length uint32) []*chatv1.Mention {
		return []*chatv1.Mention{{Kind: "user", UserId: user, Offset: offset, Length: length}}
	}
	for want, m := range map[string]*chatv1.Message{
		"#7 T ana: hi (edited) [pinned] [+ 2] [1 reply]": {
			Content: "hi", IsEdited: true, IsPinned: true, Reactions: []*chatv1.Reaction{{Emoji: "+", Count: 2}}, Replies: &chatv1.Thread{Count: 1},
		},
		"#7 T ana: (deleted) [3 replies]":      {IsDeleted: true, IsEdited: true, Replies: &chatv1.Thread{Count: 3}},
		"#7 T ana → ben “a b”: yes":            {Content: "yes", ReplyTo: 3, Quote: &chatv1.Quote{Username: "ben", Content: "a\n b"}},
		"#7 T ana → ben (deleted): yes":        {Content: "yes", ReplyTo: 3, Quote: &chatv1.Quote{Username: "ben", IsDeleted: true}},
		"@ #7 T ana: 👋👋 <@ada>!":               {Content: "👋👋 @ada!", Mentions: call("me", 5, 4)},
		"#7 T ana: hi @ben":                    {Content: "hi @ben", Mentions: call("ben", 3, 4)},
		"@ #7 T ana: <@room>: \ufffd":          {Content: "@room: \x1b", Mentions: []*chatv1.Mention{{Kind: "room", Length: 5}}},
		"@ #7 T ana: places that do not exist": {Content: "places that do not exist", Mentions: call("me", 20, 1<<32-1)},
	} {
		m.Seq, m.CreatedAt, m.Username, m.UserId = 7, at, "ana", "ana"
		if got := v.message(m); got != strings.Replace(want, "T", clock(at), 1) {
			t.Errorf("message = %q, want %q", got, want)
		}
	}
}

// What is said of a message that the timeline has.
func TestRenderWhatHappensToAMessage(t *testing.T) {
	t.Parallel()
	at := &timestamppb.Timestamp{Seconds: 1_790_000_000}
	timeline := client.NewTimeline(&clientv1.Page{RoomId: "r", AsOfSeq: 6, Messages: []*chatv1.Message{
		{Seq: 3, UserId: "ben", Username: "ben", Content: "helo " + strings.Repeat("x", 50), CreatedAt: at},
	}})
	v := view{timeline: timeline}
	for i, tt := range []struct {
		e    *chatv1.Event
		want string
	}{
		{&chatv1.Event{Body: &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: 3, Content: "hello"}}}, "~ #3 T ben: hello (edited)"},
		{&chatv1.Event{Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 3, Emoji: "+"}}}, "#8 T · ana put + on #3 “hello” [+ 1]"},
		{&chatv1.Event{Body: &chatv1.Event_Pinned{Pinned: &chatv1.PinChanged{Seq: 3}}}, "#9 T · ana pinned #3 “hello”"},
		{&chatv1.Event{Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "yes", ReplyTo: 3}}}, "#10 T ana → ben “hello”: yes"},
		{&chatv1.Event{Body: &chatv1.Event_Deleted{Deleted: &chatv1.MessageDeleted{Seq: 3}}}, "#11 T · ana deleted #3 of ben"},
	} {
		tt.e.RoomId, tt.e.Seq, tt.e.CreatedAt, tt.e.Actor = "r", uint32(7+i), at, &chatv1.Actor{UserId: "ana", Username: "ana"}
		if !timeline.Apply(tt.e) {
			t.Fatal("not applied")
		}
		if got := v.event(tt.e); got != strings.Replace(tt.want, "T", clock(at), 1) {
			t.Errorf("event = %q, want %q", got, tt.want)
		}
	}
}

func TestRenderNotice(t *testing.T) {
	t.Parallel()
	users := []*chatv1.UserRef{{Username: "ana"}, {Username: "ben"}, {Username: "cyd"}, {Username: "dan"}}
	for want, n := range map[string]*chatv1.Notice{
		"· ana joined":                                             {Kind: "joined", Users: users[:1], Count: 1},
		"· ana and ben left":                                       {Kind: "left", Users: users[:2], Count: 2},
		"· ana, ben, cyd and 998 others joined":                    {Kind: "joined", Users: users, Count: 1001},
		"· ana, ben, cyd and 1 other removed by dan":               {Kind: "kicked", Users: users, Count: 4},
		"· ana → admin, by dan":                                    {Kind: "role", Role: "admin", Users: users[:1], Count: 1},
		"· dan changed the room: salon":                            {Kind: "room", Count: 1, Room: &chatv1.RoomUpdated{Name: "salon"}},
		"· something happened that this client is too old to show": {Kind: "eclipse"},
	} {
		n.Actor = users[3]
		if got := notice(n); got != want {
			t.Errorf("notice = %q, want %q", got, want)
		}
	}
}
