package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestRoomTitle(t *testing.T) {
	t.Parallel()
	me, ana, ben := &chatv1.UserRef{Id: "me"}, &chatv1.UserRef{Id: "ana", Username: "ana"}, &chatv1.UserRef{Id: "ben", Username: "ben"}
	for want, r := range map[string]*chatv1.Room{
		"lobby":       {Name: "lobby", MemberCount: 2, Members: []*chatv1.UserRef{me, ana}},
		"ana":         {MemberCount: 2, Members: []*chatv1.UserRef{me, ana}},
		"ana and ben": {MemberCount: 3, Members: []*chatv1.UserRef{ana, me, ben}},
		"2 others":    {MemberCount: 3}, // a welcome does not say who is in a group
		"notes":       {MemberCount: 1, Members: []*chatv1.UserRef{me}},
	} {
		if got := roomTitle(r, "me"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What is unread is known as of a head, which may be older than the page: what others said since comes on top.
func TestUnreadLine(t *testing.T) {
	t.Parallel()
	page := &clientv1.Page{RoomId: "r", AsOfSeq: 8, Messages: []*chatv1.Message{
		{Seq: 8, UserId: "ben", Content: "@me", Mentions: []*chatv1.Mention{{Kind: "user", UserId: "me", Length: 3}}},
		{Seq: 7, UserId: "me"}, {Seq: 6, UserId: "ben"}, {Seq: 5, UserId: "ben"}, {Seq: 4, UserId: "ben"},
	}}
	marker := &clientv1.UserEvent{Event: &clientv1.UserEvent_Marker{Marker: &clientv1.MarkerMoved{RoomId: "r", ReadSeq: 7, HeadSeq: 7}}}
	for name, tt := range map[string]struct {
		state *clientv1.RoomState
		event *clientv1.UserEvent
		want  string // with the first message under it
	}{
		"as of the page":      {&clientv1.RoomState{HeadSeq: 8, ReadSeq: 5, Unread: 2, Mentions: 1}, nil, "2 unread, 1 of them calls you #6"},
		"older":               {&clientv1.RoomState{HeadSeq: 5, ReadSeq: 4, Unread: 1}, nil, "3 unread, 1 of them calls you #5"},
		"older, all read":     {&clientv1.RoomState{HeadSeq: 6, ReadSeq: 6}, nil, "1 unread, 1 of them calls you #8"},
		"read meanwhile":      {&clientv1.RoomState{HeadSeq: 5, ReadSeq: 4, Unread: 1}, marker, "1 unread, 1 of them calls you #8"},
		"all read":            {&clientv1.RoomState{HeadSeq: 8, ReadSeq: 8}, nil, ""},
		"joined a moment ago": {nil, nil, ""},
	} {
		var out bytes.Buffer
		c := &chat{me: &chatv1.User{Id: "me"}, screen: &plain{out: &out}, names: map[string]string{}, states: map[string]*clientv1.RoomState{}}
		if tt.state != nil {
			c.states["r"] = tt.state
		}
		if tt.event != nil {
			c.userEvent(tt.event)
		}
		c.printTimeline(client.NewTimeline(page), c.states["r"])
		_, after, _ := strings.Cut(out.String(), "──── ")
		line, after, _ := strings.Cut(after, " ────\n")
		first, _, _ := strings.Cut(strings.TrimPrefix(after, callMark), " ")
		if got := strings.TrimSpace(line + " " + first); got != tt.want {
			t.Errorf("%s: %q, want %q; printed\n%s", name, got, tt.want, out.String())
		}
	}
}
