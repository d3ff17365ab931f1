package room_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/room"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const maxContent = 100

func message(change func(*busv1.Command, *chatv1.MessagePosted)) func(*busv1.Command) {
	return func(c *busv1.Command) {
		m := &chatv1.MessagePosted{Content: "hi", Type: "text"}
		c.Body = &busv1.Command_Message{Message: m}
		if change != nil {
			change(c, m)
		}
	}
}

func reaction(emoji string) func(*busv1.Command) {
	return func(c *busv1.Command) {
		c.Body = &busv1.Command_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 1, Emoji: emoji}}
	}
}

func joined(nonce string, version uint32) func(*busv1.Command) {
	return func(c *busv1.Command) {
		c.Nonce = nonce
		c.Body = &busv1.Command_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: &chatv1.UserRef{Id: c.GetActor().GetUserId()}, Role: "member", Version: version}}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	in := ids.New[ids.Room]()
	type posted = *chatv1.MessagePosted
	for name, tt := range map[string]struct {
		change func(*busv1.Command)
		field  string // of the refusal; empty: accepted
	}{
		"message":         {message(nil), ""},
		"no body":         {func(*busv1.Command) {}, "body"},
		"another room":    {message(func(c *busv1.Command, _ posted) { c.RoomId = ids.New[ids.Room]().String() }), "roomId"},
		"wildcard room":   {message(func(c *busv1.Command, _ posted) { c.RoomId = "*" }), "roomId"},
		"nobody":          {message(func(c *busv1.Command, _ posted) { c.Actor = nil }), "actor.userId"},
		"no nonce":        {message(func(c *busv1.Command, _ posted) { c.Nonce = "" }), "nonce"},
		"long nonce":      {message(func(c *busv1.Command, _ posted) { c.Nonce = strings.Repeat("n", 65) }), "nonce"},
		"longest nonce":   {message(func(c *busv1.Command, _ posted) { c.Nonce = strings.Repeat("n", 64) }), ""},
		"reserved nonce":  {message(func(c *busv1.Command, _ posted) { c.Nonce = "natter:v1" }), "nonce"},
		"longest content": {message(func(_ *busv1.Command, m posted) { m.Content = strings.Repeat("x", maxContent) }), ""},
		"long content":    {message(func(_ *busv1.Command, m posted) { m.Content = strings.Repeat("x", maxContent+1) }), "content"},
		"blank text":      {message(func(_ *busv1.Command, m posted) { m.Content = " \n" }), "content"},
		"no type is text": {message(func(_ *busv1.Command, m posted) { m.Type = "" }), ""},
		"unknown type":    {message(func(_ *busv1.Command, m posted) { m.Type = "video" }), "type"},
		"image": {message(func(_ *busv1.Command, m posted) {
			m.Content, m.Type, m.FileUrl = "", "image", "https://x.example/a.png"
		}), ""},
		"path of this server":   {message(func(_ *busv1.Command, m posted) { m.Type, m.FileUrl = "file", "/a.pdf" }), ""},
		"uploaded file":         {message(func(_ *busv1.Command, m posted) { m.Type, m.FileUrl = "file", "/files/"+ids.New[ids.File]().String() }), ""},
		"uploaded file in text": {message(func(_ *busv1.Command, m posted) { m.FileUrl = "/files/" + ids.New[ids.File]().String() }), "type"},
		"malformed file":        {message(func(_ *busv1.Command, m posted) { m.Type, m.FileUrl = "file", "/files/1" }), "fileUrl"},
		"file with a query": {message(func(_ *busv1.Command, m posted) {
			m.Type, m.FileUrl = "file", "/files/"+ids.New[ids.File]().String()+"?x"
		}), "fileUrl"},
		"image without a file":   {message(func(_ *busv1.Command, m posted) { m.Type = "image" }), "fileUrl"},
		"script as a file":       {message(func(_ *busv1.Command, m posted) { m.Type, m.FileUrl = "file", "javascript:alert(1)" }), "fileUrl"},
		"file of another server": {message(func(_ *busv1.Command, m posted) { m.Type, m.FileUrl = "file", "//evil.example/x" }), "fileUrl"},
		"long file URL":          {message(func(_ *busv1.Command, m posted) { m.FileUrl = "https://x/" + strings.Repeat("x", 2<<10) }), "fileUrl"},
		"emoji":                  {reaction("👩‍👩‍👧‍👦"), ""},
		"no emoji":               {reaction(""), "emoji"},
		"long emoji":             {reaction(strings.Repeat("x", 33)), "emoji"},
		"emoji with a newline":   {reaction("a\nb"), "emoji"},
		"change":                 {joined("natter:v7", 7), ""},
		"change, own nonce":      {joined("mine", 7), "nonce"},
		"change, other version":  {joined("natter:v8", 7), "nonce"},
		"long edit": {func(c *busv1.Command) {
			c.Body = &busv1.Command_Edited{Edited: &chatv1.MessageEdited{Seq: 1, Content: strings.Repeat("x", maxContent+1)}}
		}, "content"},
		"nobody left": {func(c *busv1.Command) {
			c.Nonce = "natter:v1"
			c.Body = &busv1.Command_MemberLeft{MemberLeft: &chatv1.MemberLeft{Version: 1}}
		}, "user.id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &busv1.Command{RoomId: in.String(), Nonce: "n", Actor: &chatv1.Actor{UserId: ids.New[ids.User]().String(), Username: "u"}}
			tt.change(c)
			_, err := room.NewParser([]byte("key"), maxContent).Parse(in, c)
			switch f := fault.From(err); {
			case err == nil && tt.field != "":
				t.Errorf("accepted, want a refusal of %s", tt.field)
			case err != nil && (f.Code != fault.InvalidArgument || f.Field != tt.field):
				t.Errorf("refused %s (%v), want %q", f.Field, err, tt.field)
			}
		})
	}
}

// The hash is what tells a retry from another command: it must see every difference, and none where there is none.
func TestHash(t *testing.T) {
	t.Parallel()
	in, user := ids.New[ids.Room](), ids.New[ids.User]().String()
	hash := func(key string, body proto.Message) [store.HashSize]byte {
		c := &busv1.Command{RoomId: in.String(), Nonce: "n", Actor: &chatv1.Actor{UserId: user}}
		switch b := body.(type) {
		case *chatv1.MessagePosted:
			c.Body = &busv1.Command_Message{Message: b}
		case *chatv1.MessageEdited:
			c.Body = &busv1.Command_Edited{Edited: b}
		case *chatv1.MessageDeleted:
			c.Body = &busv1.Command_Deleted{Deleted: b}
		case *chatv1.ReactionChanged:
			c.Body = &busv1.Command_Reaction{Reaction: b}
		case *chatv1.PinChanged:
			c.Body = &busv1.Command_Pinned{Pinned: b}
		}
		parsed, err := room.NewParser([]byte(key), maxContent).Parse(in, c)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.Event.Hash
	}
	seen := map[[store.HashSize]byte]int{}
	for i, body := range []proto.Message{
		&chatv1.MessagePosted{Content: "a"}, &chatv1.MessagePosted{Content: "b"}, &chatv1.MessagePosted{Content: "a", ReplyTo: 1},
		&chatv1.MessagePosted{Content: "a", FileUrl: "/b"}, &chatv1.MessagePosted{Content: "a/b"},
		&chatv1.MessagePosted{Content: "a", Type: "file", FileUrl: "/b"},
		&chatv1.MessageEdited{Seq: 1, Content: "a"}, &chatv1.MessageEdited{Seq: 2, Content: "a"},
		&chatv1.MessageDeleted{Seq: 1}, &chatv1.MessageDeleted{Seq: 2}, &chatv1.PinChanged{Seq: 1}, &chatv1.PinChanged{Seq: 1, Removed: true},
		&chatv1.ReactionChanged{Seq: 1, Emoji: "a"}, &chatv1.ReactionChanged{Seq: 1, Emoji: "b"}, &chatv1.ReactionChanged{Seq: 1, Emoji: "a", Removed: true},
	} {
		h := hash("key", body)
		if other, ok := seen[h]; ok {
			t.Errorf("commands %d and %d have one hash", i, other)
		}
		seen[h] = i
	}
	if hash("key", &chatv1.MessagePosted{Content: "a"}) != hash("key", &chatv1.MessagePosted{Content: "a", Type: "text"}) {
		t.Error("no type and text are the same message")
	}
	if hash("key", &chatv1.MessagePosted{Content: "a"}) == hash("another", &chatv1.MessagePosted{Content: "a"}) {
		t.Error("the hash is not keyed")
	}
}
