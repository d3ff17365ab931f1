package wire_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

func TestEvent(t *testing.T) {
	t.Parallel()
	in, user, other := ids.New[ids.Room](), ids.New[ids.User](), ids.New[ids.User]()
	head := `"roomId":"` + in.String() + `","seq":7,"ordinal":5,"createdAt":"1970-01-01T00:00:01.234Z","nonce":"n","actor":{"userId":"` +
		user.String() + `","username":"u","avatar":"a"},`
	who := `"user":{"id":"` + other.String() + `","username":"o","avatar":"b"}`
	member := &store.Member{User: other, Username: "o", Avatar: "b", Role: "admin", Reason: "banned", Note: "spam", MutedUntil: 2500, IsChange: true}
	calls := []store.Mention{{Kind: store.MentionUser, User: other, Offset: 3, Length: 2}, {Kind: store.MentionRoom, Offset: 9, Length: 5}}
	called := `"mentions":[{"kind":"user","userId":"` + other.String() + `","offset":3,"length":2},{"kind":"room","offset":9,"length":5}]`
	file := ids.New[ids.File]()
	info := store.RoomInfo{
		Name: "n", Description: "d", Topic: "t", Avatar: "a", IsPrivate: true, IsArchived: true, IsAnnouncement: true, SlowModeSeconds: 30, IsDeleted: true,
	}
	for _, tt := range []struct {
		e    store.Event
		want string
	}{
		{store.Event{Kind: store.KindMessage, Content: "c", Type: "image", FileURL: "/f", ReplyTo: 3}, `"message":{"content":"c","type":"image","fileUrl":"/f","replyTo":3}`},
		{
			store.Event{Kind: store.KindMessage, Type: "image", FileURL: "/f", File: &store.FileInfo{
				ID: file, Name: "n.png", Size: 9, Type: "image/png", Width: 4, Height: 3, HasThumbnail: true,
			}},
			`"message":{"type":"image","fileUrl":"/f","file":{"id":"` + file.String() + `","name":"n.png","size":9,"type":"image/png","width":4,"height":3,"hasThumbnail":true}}`,
		},
		{
			store.Event{Kind: store.KindMessage, Content: "c", Type: "text", Thread: 3, ThreadOrdinal: 4, Mentions: calls},
			`"message":{"content":"c","type":"text","thread":3,"threadOrdinal":4,` + called + `}`,
		},
		{store.Event{Kind: store.KindEdited, Target: 2, Content: "c", Mentions: calls}, `"edited":{"seq":2,"content":"c",` + called + `}`},
		{store.Event{Kind: store.KindMessage, Type: "text", Deleted: true}, `"message":{"type":"text","deleted":true}`},
		{store.Event{Kind: store.KindEdited, Target: 2, Content: "c"}, `"edited":{"seq":2,"content":"c"}`},
		{store.Event{Kind: store.KindDeleted, Target: 2}, `"deleted":{"seq":2}`},
		{store.Event{Kind: store.KindReaction, Target: 2, Emoji: "x", Removed: true}, `"reaction":{"seq":2,"emoji":"x","removed":true}`},
		{store.Event{Kind: store.KindPinned, Target: 2}, `"pinned":{"seq":2}`},
		{store.Event{Kind: store.KindMemberJoined, Member: member}, `"memberJoined":{` + who + `,"role":"admin","version":4,"mutedUntil":"1970-01-01T00:00:02.500Z","isChange":true}`},
		{store.Event{Kind: store.KindMemberLeft, Member: member}, `"memberLeft":{` + who + `,"reason":"banned","version":4,"note":"spam"}`},
		{
			store.Event{Kind: store.KindRoomUpdated, Info: &info},
			`"roomUpdated":{"name":"n","description":"d","topic":"t","avatar":"a","isPrivate":true,"isArchived":true,"isAnnouncement":true,"slowModeSeconds":30,"isDeleted":true,"version":4}`,
		},
	} {
		e := tt.e
		e.Room, e.Seq, e.Ordinal, e.Version, e.CreatedAt, e.Nonce = in, 7, 5, 4, 1234, "n"
		e.Actor = store.Actor{User: user, Username: "u", Avatar: "a"}
		var want chatv1.Event
		if err := protojson.Unmarshal([]byte("{"+head+tt.want+"}"), &want); err != nil {
			t.Fatal(err)
		}
		got := wire.Event(&e)
		if !proto.Equal(got, &want) {
			t.Errorf("kind %d:\n got %v\nwant %v", e.Kind, got, &want)
		}
		if size := proto.Size(got); size > e.Size() {
			t.Errorf("kind %d: %d bytes, more than its Size of %d", e.Kind, size, e.Size())
		}
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	in, user := ids.New[ids.Room](), ids.New[ids.User]()
	m := &store.Message{Event: &store.Event{
		Room: in, Seq: 7, Ordinal: 5, CreatedAt: 1000, Nonce: "n", Kind: store.KindMessage, Content: "v1", Type: "text", ReplyTo: 2,
		Actor: store.Actor{User: user, Username: "u"}, FileURL: "/f", File: &store.FileInfo{Name: "n"},
	}}
	if got := wire.Message(m); got.GetContent() != "v1" || got.GetIsEdited() || got.GetEditedAt() != nil || !proto.Equal(got.GetUpdatedAt(), got.GetCreatedAt()) ||
		got.GetId() != in.String()+":7" || got.GetReplyTo() != 2 || got.GetNonce() != "n" || got.GetFile().GetName() != "n" {
		t.Errorf("fresh message %v", got)
	}
	m.Apply(&store.Event{Seq: 8, Kind: store.KindEdited, Content: "v2", CreatedAt: 2000})
	m.Apply(&store.Event{Seq: 9, Kind: store.KindPinned, CreatedAt: 3000})
	for i := range 60 {
		m.Apply(&store.Event{Seq: uint32(10 + i), Kind: store.KindReaction, Emoji: "x", Actor: store.Actor{User: ids.New[ids.User]()}, CreatedAt: 4000})
	}
	got := wire.Message(m)
	if got.GetContent() != "v2" || !got.GetIsEdited() || got.GetEditedAt().AsTime().UnixMilli() != 2000 || !got.GetIsPinned() || got.GetUpdatedAt().AsTime().UnixMilli() != 4000 {
		t.Errorf("changed message %v", got)
	}
	if r := got.GetReactions(); len(r) != 1 || r[0].GetCount() != 60 || len(r[0].GetUserIds()) != 50 {
		t.Errorf("reactions %v", r)
	}
	m.Apply(&store.Event{Seq: 90, Kind: store.KindDeleted, CreatedAt: 5000})
	if got := wire.Message(m); got.GetContent() != "" || !got.GetIsDeleted() || len(got.GetReactions()) != 0 || got.GetIsPinned() || got.GetNonce() != "n" ||
		got.GetFile() != nil || got.GetFileUrl() != "" {
		t.Errorf("deleted message %v", got)
	}
}
