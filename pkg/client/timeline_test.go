package client

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// vector is a file of proto/testdata/folding.
type vector struct {
	log, resumed []*chatv1.Event
	pages        []*clientv1.Page
	profiles     map[uint32][]*chatv1.UserRef // by the seq they come after
}

func readVector(t *testing.T, file string) vector {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var raw struct {
		Log, Resumed, Pages []json.RawMessage
		Profiles            []struct {
			AfterSeq uint32
			User     json.RawMessage
		}
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	v := vector{
		log: parse[chatv1.Event](t, raw.Log), resumed: parse[chatv1.Event](t, raw.Resumed), pages: parse[clientv1.Page](t, raw.Pages),
		profiles: map[uint32][]*chatv1.UserRef{},
	}
	for _, p := range raw.Profiles {
		v.profiles[p.AfterSeq] = append(v.profiles[p.AfterSeq], parse[chatv1.UserRef](t, []json.RawMessage{p.User})...)
	}
	return v
}

func parse[T any, P interface {
	*T
	proto.Message
}](t *testing.T, list []json.RawMessage) []P {
	t.Helper()
	all := make([]P, len(list))
	for i, data := range list {
		all[i] = new(T)
		if err := protojson.Unmarshal(data, all[i]); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
	}
	return all
}

// fold applies what happened between two pages.
func (v vector) fold(t *testing.T, from *clientv1.Page, log []*chatv1.Event, to uint32) *clientv1.Page {
	t.Helper()
	timeline := NewTimeline(from)
	rename := func(seq uint32) {
		for _, user := range v.profiles[seq] {
			timeline.Rename(user)
		}
	}
	rename(from.GetAsOfSeq())
	for _, e := range log[:to] { // those that the page has, too: they change nothing
		if !timeline.Apply(e) {
			t.Fatalf("event %d does not follow", e.GetSeq())
		}
		if e.GetSeq() > from.GetAsOfSeq() {
			rename(e.GetSeq())
		}
	}
	return timeline.Page()
}

// forgetQuotes takes out of want the quotes of messages that are not in the page, where got, rightly, has none.
func forgetQuotes(got, want *clientv1.Page) *clientv1.Page {
	want = proto.CloneOf(want)
	for i, m := range want.GetMessages() {
		has := slices.ContainsFunc(want.GetMessages(), func(q *chatv1.Message) bool { return q.GetSeq() == m.GetReplyTo() })
		if !has && i < len(got.GetMessages()) && got.GetMessages()[i].GetQuote() == nil {
			m.Quote = nil
		}
	}
	return want
}

func TestFoldingVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../proto/testdata/folding/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			v := readVector(t, file)
			check := func(how string, from, want *clientv1.Page, log []*chatv1.Event) {
				t.Helper()
				before := proto.CloneOf(from)
				got := v.fold(t, from, log, want.GetAsOfSeq())
				if want = forgetQuotes(got, want); !proto.Equal(got, want) {
					t.Errorf("%s:\n got %v\nwant %v", how, protojson.Format(got), protojson.Format(want))
				}
				if !proto.Equal(from, before) {
					t.Errorf("%s changed the page it began with", how)
				}
			}
			pairs := 0
			for i, from := range v.pages {
				for _, to := range v.pages[i+1:] {
					if from.GetThread() == to.GetThread() {
						pairs++
						check(fmt.Sprintf("%d to %d of thread %d", from.GetAsOfSeq(), to.GetAsOfSeq(), to.GetThread()), from, to, v.log)
					}
				}
			}
			if pairs == 0 {
				t.Error("no two pages to compare")
			}
			if len(v.resumed) > 0 {
				check("resumed", v.pages[0], v.pages[len(v.pages)-1], v.resumed)
			}
		})
	}
}

func TestTimelineTakesEventsInOrder(t *testing.T) {
	t.Parallel()
	timeline := NewTimeline(&clientv1.Page{RoomId: room, AsOfSeq: 7})
	said := func(in string, seq uint32) *chatv1.Event {
		return &chatv1.Event{RoomId: in, Seq: seq, Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{}}}
	}
	for _, tt := range []struct {
		e            *chatv1.Event
		ok           bool
		asOf, length uint32
	}{
		{said(room, 7), true, 7, 0},
		{said(otherRoom, 8), false, 7, 0},
		{said(room, 9), false, 7, 0},
		{said(room, 8), true, 8, 1},
		{said(room, 8), true, 8, 1},
		{&chatv1.Event{RoomId: room, Seq: 9}, true, 9, 1}, // of a kind that this version does not know
	} {
		if ok := timeline.Apply(tt.e); ok != tt.ok || timeline.AsOf != tt.asOf || len(timeline.Messages) != int(tt.length) {
			t.Errorf("%v: %t, as of %d, %d messages", tt.e, ok, timeline.AsOf, len(timeline.Messages))
		}
	}
}

// Who is named after one of the first 50 has gone is for the server to say: nobody is named out of turn.
func TestReactorsAfterTheFiftieth(t *testing.T) {
	t.Parallel()
	var users []string
	for i := range maxReactors {
		users = append(users, fmt.Sprint("u", i))
	}
	timeline := NewTimeline(&clientv1.Page{RoomId: room, AsOfSeq: 1, Messages: []*chatv1.Message{
		{Seq: 1, Reactions: []*chatv1.Reaction{{Emoji: "👍", Count: 60, UserIds: users}}},
	}})
	react := func(user string, removed bool) *chatv1.Reaction {
		timeline.Apply(&chatv1.Event{
			RoomId: room, Seq: timeline.AsOf + 1, Actor: &chatv1.Actor{UserId: user},
			Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 1, Emoji: "👍", Removed: removed}},
		})
		return timeline.Message(1).GetReactions()[0]
	}
	if r := react("u7", true); r.GetCount() != 59 || len(r.GetUserIds()) != 49 {
		t.Errorf("after one of the named is gone: %d, %d named", r.GetCount(), len(r.GetUserIds()))
	}
	if r := react("u99", false); r.GetCount() != 60 || len(r.GetUserIds()) != 49 {
		t.Errorf("after another came: %d, %d named", r.GetCount(), len(r.GetUserIds()))
	}
}
