package wire_test

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// One of each frame: the golden files of proto/testdata/frames, and the seeds of the fuzz tests.

const (
	room  = "0193c3a0-0000-7000-8000-000000000001"
	alice = "0193c3a0-0000-7000-8000-00000000000a"
	bob   = "0193c3a0-0000-7000-8000-00000000000b"
	nonce = "5f0c54a0-6c39-4f0e-9b39-0d6a2f1d9f11"
)

var when = timestamppb.New(time.Date(2026, 11, 22, 15, 4, 5, 678_000_000, time.UTC))

func clientFrames() map[string]*clientv1.ClientFrame {
	cursors := []*clientv1.Cursor{{RoomId: room, Seq: 41}}
	return map[string]*clientv1.ClientFrame{
		"client-hello":            {Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: "a.b.c", Epoch: "e1", Resume: cursors}}},
		"client-resume":           {Id: 1, Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{Rooms: cursors}}},
		"client-send":             {Id: 2, Frame: &clientv1.ClientFrame_Send{Send: &clientv1.Send{RoomId: room, Nonce: nonce, Content: "hi 👋\n\"you\"", Type: "text", ReplyTo: 7}}},
		"client-edit":             {Id: 3, Frame: &clientv1.ClientFrame_Edit{Edit: &clientv1.Edit{RoomId: room, Nonce: nonce, Seq: 7, Content: "hello"}}},
		"client-delete":           {Id: 4, Frame: &clientv1.ClientFrame_Delete{Delete: &clientv1.Delete{RoomId: room, Nonce: nonce, Seq: 7}}},
		"client-react":            {Id: 5, Frame: &clientv1.ClientFrame_React{React: &clientv1.React{RoomId: room, Nonce: nonce, Seq: 7, Emoji: "👍"}}},
		"client-pin":              {Id: 6, Frame: &clientv1.ClientFrame_Pin{Pin: &clientv1.Pin{RoomId: room, Nonce: nonce, Seq: 7, Remove: true}}},
		"client-read":             {Id: 7, Frame: &clientv1.ClientFrame_Read{Read: &clientv1.Read{RoomId: room, Seq: 42}}},
		"client-away":             {Id: 9, Frame: &clientv1.ClientFrame_Away{Away: &clientv1.Away{Away: true}}},
		"client-unread":           {Id: 8, Frame: &clientv1.ClientFrame_Unread{Unread: &clientv1.Unread{RoomId: room, Seq: 40}}},
		"client-delivered":        {Frame: &clientv1.ClientFrame_Delivered{Delivered: &clientv1.Delivered{RoomId: room, Seq: 42}}},
		"client-typing":           {Frame: &clientv1.ClientFrame_Typing{Typing: &clientv1.Typing{RoomId: room, Active: true}}},
		"client-watch":            {Id: 8, Frame: &clientv1.ClientFrame_Watch{Watch: &clientv1.Watch{UserIds: []string{alice, bob}}}},
		"client-fetch":            {Id: 9, Frame: &clientv1.ClientFrame_Fetch{Fetch: &clientv1.Fetch{RoomId: room, BeforeSeq: new(uint32(41)), Limit: 50}}},
		"client-fetch-from-start": {Id: 10, Frame: &clientv1.ClientFrame_Fetch{Fetch: &clientv1.Fetch{RoomId: room, AfterSeq: new(uint32(0))}}},
		"client-ping":             {Id: 11, Frame: &clientv1.ClientFrame_Ping{Ping: &clientv1.Ping{}}},
	}
}

func serverFrames() map[string]*clientv1.ServerFrame {
	state := &clientv1.RoomState{
		Room: &chatv1.Room{
			Id: room, Name: "General", Description: "all & sundry <3", IsPrivate: true, MemberCount: 2, CreatedAt: when, UpdatedAt: when,
			Creator: &chatv1.UserRef{Id: alice, Username: "alice"}, Members: []*chatv1.UserRef{{Id: alice, Username: "alice"}, {Id: bob, Username: "bob"}},
		},
		Role: "owner", HeadSeq: 42, Unread: 3, ReadSeq: 39,
	}
	frames := map[string]*clientv1.ServerFrame{
		"server-welcome": {Id: 1, Frame: &clientv1.ServerFrame_Welcome{Welcome: &clientv1.Welcome{
			ConnectionId: "c1", Epoch: "e1", User: &chatv1.User{Id: alice, Email: "alice@example.org", Username: "alice"},
			Rooms: []*clientv1.RoomState{state}, PingSeconds: 25, TokenExpiresAt: when,
		}}},
		"server-ack":  {Id: 2, Frame: &clientv1.ServerFrame_Ack{Ack: &clientv1.Ack{RoomId: room, Nonce: nonce, Seq: 42, CreatedAt: when, Duplicate: true}}},
		"server-ok":   {Id: 7, Frame: &clientv1.ServerFrame_Ok{Ok: &clientv1.Ok{}}},
		"server-pong": {Id: 11, Frame: &clientv1.ServerFrame_Pong{Pong: &clientv1.Pong{}}},
		"server-page": {Id: 9, Frame: &clientv1.ServerFrame_Page{Page: &clientv1.Page{
			RoomId: room, AsOfSeq: 42, More: true, Messages: []*chatv1.Message{{
				Id: room + ":40", Seq: 40, Ordinal: 39, RoomId: room, UserId: bob, Username: "bob", Content: "see <this>", Type: "text", IsEdited: true,
				EditedAt: when, CreatedAt: when, UpdatedAt: when, ReplyTo: 7, IsPinned: true, Nonce: nonce,
				Reactions: []*chatv1.Reaction{{Emoji: "👍", Count: 1, UserIds: []string{alice}}},
			}},
		}}},
		"server-error": {Id: 2, Frame: &clientv1.ServerFrame_Error{Error: &clientv1.Error{
			Code: "resource_exhausted", Message: "too many messages", Field: "content", RetryAfterMs: 1500,
		}}},
		"server-caught-up":         {Frame: &clientv1.ServerFrame_CaughtUp{CaughtUp: &clientv1.CaughtUp{RoomId: room, Seq: 42}}},
		"server-reset":             {Frame: &clientv1.ServerFrame_Reset_{Reset_: &clientv1.Reset{RoomId: room, HeadSeq: 900}}},
		"server-signal":            {Frame: &clientv1.ServerFrame_Signal{Signal: &clientv1.Signal{RoomId: room, UserId: bob, Typing: true}}},
		"server-receipt":           {Frame: &clientv1.ServerFrame_Receipt{Receipt: &clientv1.Receipt{RoomId: room, UserId: bob, ReadSeq: 41, DeliveredSeq: 42}}},
		"server-presence":          {Frame: &clientv1.ServerFrame_Presence{Presence: &clientv1.Presence{UserId: bob, Online: true, LastSeen: when}}},
		"server-user-event-joined": {Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{Event: &clientv1.UserEvent_Joined{Joined: state}}}},
		"server-user-event-marker": {Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Marker{Marker: &clientv1.MarkerMoved{RoomId: room, ReadSeq: 41, Unread: 1}},
		}}},
		"server-user-event-profile": {Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Profile{Profile: &chatv1.User{Id: alice, Email: "alice@example.org", Username: "Alice", Avatar: "/a.png"}},
		}}},
		"server-profile":        {Frame: &clientv1.ServerFrame_Profile{Profile: &clientv1.Profile{User: &chatv1.UserRef{Id: bob, Username: "Bob", Avatar: "/b.png"}}}},
		"server-gone":           {Frame: &clientv1.ServerFrame_Gone{Gone: &clientv1.Gone{RoomId: room}}},
		"server-token-expiring": {Frame: &clientv1.ServerFrame_TokenExpiring{TokenExpiring: &clientv1.TokenExpiring{ExpiresAt: when}}},
		"server-go-away":        {Frame: &clientv1.ServerFrame_GoAway{GoAway: &clientv1.GoAway{ReconnectAfterMs: 1840}}},
	}
	for name, ev := range events() {
		frames["server-event-"+name] = &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: ev}}
	}
	return frames
}

// events has one event of each body, as they follow each other in a log.
func events() map[string]*chatv1.Event {
	user := &chatv1.UserRef{Id: bob, Username: "bob", Avatar: "https://example.org/b.png"}
	message := &chatv1.MessagePosted{Content: "hi 👋\n\"you\" \u2028 <b>&</b>\x01\t\\", Type: "file", FileUrl: "https://example.org/f", ReplyTo: 3}
	all := map[string]*chatv1.Event{
		"member-joined": {Body: &chatv1.Event_MemberJoined{MemberJoined: &chatv1.MemberJoined{User: user, Role: "member", Version: 2}}},
		"message":       {Body: &chatv1.Event_Message{Message: message}},
		"file": {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{
			Content: "look", Type: "image", FileUrl: "/files/0193c3a0-0000-7000-8000-0000000000f1", File: &chatv1.File{
				Id: "0193c3a0-0000-7000-8000-0000000000f1", Name: "cat.png", Size: 48213, Type: "image/png", Width: 640, Height: 480, HasThumbnail: true,
			},
		}}},
		"edited":        {Body: &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: 2, Content: "hello"}}},
		"reaction":      {Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 2, Emoji: "👍", Removed: true}}},
		"pinned":        {Body: &chatv1.Event_Pinned{Pinned: &chatv1.PinChanged{Seq: 2, Removed: true}}},
		"deleted":       {Body: &chatv1.Event_Deleted{Deleted: &chatv1.MessageDeleted{Seq: 2}}},
		"wiped-message": {Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Type: "text", Deleted: true}}},
		"member-left":   {Body: &chatv1.Event_MemberLeft{MemberLeft: &chatv1.MemberLeft{User: user, Reason: "kicked", Version: 3}}},
		"room-updated":  {Body: &chatv1.Event_RoomUpdated{RoomUpdated: &chatv1.RoomUpdated{Name: "General", Description: "all", IsPrivate: true, Version: 4}}},
	}
	for _, ev := range all {
		ev.RoomId, ev.Seq, ev.Ordinal, ev.CreatedAt, ev.Nonce = room, 42, 40, when, nonce
		ev.Actor = &chatv1.Actor{UserId: alice, Username: "alice", Avatar: "https://example.org/a.png"}
	}
	return all
}
