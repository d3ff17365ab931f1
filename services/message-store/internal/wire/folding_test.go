package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// The messages and notices of the published vectors (proto/testdata/folding), which clients fold by, are what the store
// makes of the log. Names and quotes are added to a page by package api.
func TestFoldingVectors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../proto/testdata/folding/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var vector struct{ Log, Resumed, Pages []json.RawMessage }
			if err := json.Unmarshal(data, &vector); err != nil {
				t.Fatal(err)
			}
			for _, raw := range vector.Pages {
				page := &clientv1.Page{}
				if err := protojson.Unmarshal(raw, page); err != nil {
					t.Fatal(err)
				}
				checkPage(t, foldLog(t, vector.Log[:page.GetAsOfSeq()]), page)
				checkNotices(t, vector.Log[:page.GetAsOfSeq()], page)
				if page.GetAsOfSeq() == uint32(len(vector.Resumed)) {
					checkPage(t, foldLog(t, vector.Resumed), page)
				}
			}
		})
	}
}

// foldLog is what the store makes of a log: its messages, in order.
func foldLog(t *testing.T, log []json.RawMessage) (all []*store.Message) {
	t.Helper()
	bySeq := map[uint32]*store.Message{}
	for _, raw := range log {
		in := &chatv1.Event{}
		if err := protojson.Unmarshal(raw, in); err != nil {
			t.Fatal(err)
		}
		e := event(t, in)
		if into := bySeq[e.FoldsInto()]; into != nil {
			into.Apply(e)
		}
		if e.Kind == store.KindMessage {
			m := &store.Message{Event: e}
			bySeq[e.Seq] = m
			all = append(all, m)
		}
	}
	return all
}

// checkPage compares the messages that a page has.
func checkPage(t *testing.T, messages []*store.Message, page *clientv1.Page) {
	t.Helper()
	var got []*chatv1.Message
	for _, m := range slices.Backward(messages) {
		if m.Event.Thread == page.GetThread() {
			got = append(got, wire.Message(m))
		}
	}
	if len(got) < len(page.GetMessages()) || len(got) != len(page.GetMessages()) && !page.GetMore() {
		t.Fatalf("as of %d: %d messages, want %d", page.GetAsOfSeq(), len(got), len(page.GetMessages()))
	}
	for i, want := range page.GetMessages() {
		want = proto.CloneOf(want)
		want.Quote, want.Username, want.Avatar = nil, got[i].GetUsername(), got[i].GetAvatar()
		if !proto.Equal(got[i], want) {
			t.Errorf("as of %d:\n got %v\nwant %v", page.GetAsOfSeq(), got[i], want)
		}
	}
}

// checkNotices compares the notices that a page has.
func checkNotices(t *testing.T, log []json.RawMessage, page *clientv1.Page) {
	t.Helper()
	if page.GetThread() != 0 || page.GetMore() {
		return
	}
	var changes []*store.Event
	var messages []uint32
	for _, raw := range log {
		in := &chatv1.Event{}
		if err := protojson.Unmarshal(raw, in); err != nil {
			t.Fatal(err)
		}
		switch e := event(t, in); {
		case e.Kind >= store.KindMemberJoined:
			changes = append(changes, e)
		case e.Kind == store.KindMessage && e.Thread == 0:
			messages = append(messages, e.Seq)
		}
	}
	got := wire.Notices(changes, messages)
	if len(got) != len(page.GetNotices()) {
		t.Fatalf("as of %d: %d notices, want %d", page.GetAsOfSeq(), len(got), len(page.GetNotices()))
	}
	for i, want := range page.GetNotices() {
		got, want := shown(got[i]), shown(want)
		if !proto.Equal(got, want) {
			t.Errorf("as of %d:\n got %v\nwant %v", page.GetAsOfSeq(), got, want)
		}
	}
}

// shown is a notice without the names of people: a page has today's.
func shown(n *chatv1.Notice) *chatv1.Notice {
	n = proto.CloneOf(n)
	for _, u := range append(n.GetUsers(), n.GetActor()) {
		u.Username, u.Avatar = "", ""
	}
	return n
}

// event is an event of the protocol as the store has it.
func event(t *testing.T, in *chatv1.Event) *store.Event {
	t.Helper()
	user := func(text string) ids.User {
		if text == "" {
			return ids.User{}
		}
		id, err := ids.ParseUser(text)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	mentions := func(in []*chatv1.Mention) (all []store.Mention) {
		for _, m := range in {
			all = append(all, store.Mention{
				Kind: store.MentionKind(m.GetKind()), User: user(m.GetUserId()), Offset: m.GetOffset(), Length: m.GetLength(),
			})
		}
		return all
	}
	room, err := ids.ParseRoom(in.GetRoomId())
	if err != nil {
		t.Fatal(err)
	}
	e := &store.Event{
		Room: room, Seq: in.GetSeq(), Ordinal: in.GetOrdinal(), CreatedAt: in.GetCreatedAt().AsTime().UnixMilli(), Nonce: in.GetNonce(),
		Actor: store.Actor{User: user(in.GetActor().GetUserId()), Username: in.GetActor().GetUsername(), Avatar: in.GetActor().GetAvatar()},
	}
	switch body := in.GetBody().(type) {
	case *chatv1.Event_Message:
		m := body.Message
		e.Kind, e.Content, e.Type, e.FileURL, e.ReplyTo = store.KindMessage, m.GetContent(), m.GetType(), m.GetFileUrl(), m.GetReplyTo()
		e.Thread, e.ThreadOrdinal, e.Mentions, e.Deleted = m.GetThread(), m.GetThreadOrdinal(), mentions(m.GetMentions()), m.GetDeleted()
		if f := m.GetFile(); f != nil {
			id, err := ids.ParseFile(f.GetId())
			if err != nil {
				t.Fatal(err)
			}
			e.File = &store.FileInfo{
				ID: id, Name: f.GetName(), Size: f.GetSize(), Type: f.GetType(), Width: f.GetWidth(), Height: f.GetHeight(), HasThumbnail: f.GetHasThumbnail(),
			}
		}
	case *chatv1.Event_Edited:
		e.Kind, e.Target, e.Content = store.KindEdited, body.Edited.GetSeq(), body.Edited.GetContent()
		e.Mentions = mentions(body.Edited.GetMentions())
	case *chatv1.Event_Deleted:
		e.Kind, e.Target = store.KindDeleted, body.Deleted.GetSeq()
	case *chatv1.Event_Reaction:
		e.Kind, e.Target, e.Emoji, e.Removed = store.KindReaction, body.Reaction.GetSeq(), body.Reaction.GetEmoji(), body.Reaction.GetRemoved()
	case *chatv1.Event_Pinned:
		e.Kind, e.Target, e.Removed = store.KindPinned, body.Pinned.GetSeq(), body.Pinned.GetRemoved()
	case *chatv1.Event_MemberJoined:
		j := body.MemberJoined
		e.Kind, e.Version = store.KindMemberJoined, j.GetVersion()
		e.Member = &store.Member{User: user(j.GetUser().GetId()), Role: j.GetRole(), IsChange: j.GetIsChange()}
	case *chatv1.Event_MemberLeft:
		l := body.MemberLeft
		e.Kind, e.Version = store.KindMemberLeft, l.GetVersion()
		e.Member = &store.Member{User: user(l.GetUser().GetId()), Reason: l.GetReason(), Note: l.GetNote()}
	case *chatv1.Event_RoomUpdated:
		r := body.RoomUpdated
		e.Kind, e.Version = store.KindRoomUpdated, r.GetVersion()
		e.Info = &store.RoomInfo{
			Name: r.GetName(), Description: r.GetDescription(), Topic: r.GetTopic(), Avatar: r.GetAvatar(), IsPrivate: r.GetIsPrivate(),
			IsArchived: r.GetIsArchived(), IsAnnouncement: r.GetIsAnnouncement(), SlowModeSeconds: r.GetSlowModeSeconds(), IsDeleted: r.GetIsDeleted(),
		}
	}
	return e
}
