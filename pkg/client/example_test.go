package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// A bot that answers in the room it is spoken to in.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(conversation)) // instead of http://localhost:8080
	defer server.Close()
	ctx := context.Background()

	api, err := client.New(server.URL, client.Options{Token: client.StaticToken("access token")})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := api.Connect(ctx, client.ConnOptions{Encoding: client.JSON})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()

	for event := range conn.Events(ctx) {
		e, ok := event.(*chatv1.Event)
		if !ok || e.GetMessage() == nil {
			continue
		}
		fmt.Printf("#%d %s: %s\n", e.GetSeq(), e.GetActor().GetUsername(), e.GetMessage().GetContent())
		ack, err := conn.Send(ctx, e.GetRoomId(), "pong", client.ReplyTo(e.GetSeq()))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("#%d is my answer\n", ack.GetSeq())
		return
	}
	// Output:
	// #1 ana: ping
	// #2 is my answer
}

// What a client shows of a room: a page, and what happened since. With a Conn, the page is that of Fetch, and the events are
// those that Events yields.
func ExampleTimeline() {
	timeline := client.NewTimeline(&clientv1.Page{RoomId: "r1", AsOfSeq: 7, Messages: []*chatv1.Message{
		{Seq: 7, Username: "ana", Content: "helo"},
	}})
	ben := &chatv1.Actor{UserId: "b", Username: "ben"}
	for _, event := range []*chatv1.Event{
		{RoomId: "r1", Seq: 8, Actor: ben, Body: &chatv1.Event_Reaction{Reaction: &chatv1.ReactionChanged{Seq: 7, Emoji: "👋"}}},
		{RoomId: "r1", Seq: 9, Body: &chatv1.Event_Edited{Edited: &chatv1.MessageEdited{Seq: 7, Content: "hello"}}},
		{RoomId: "r1", Seq: 10, Actor: ben, Body: &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: "hi", ReplyTo: 7}}},
	} {
		if !timeline.Apply(event) {
			fmt.Println("something is missing: fetch a page")
		}
	}
	for _, m := range timeline.Messages {
		fmt.Printf("#%d %s: %s (edited: %t, reactions: %d, answers: %q)\n",
			m.GetSeq(), m.GetUsername(), m.GetContent(), m.GetIsEdited(), len(m.GetReactions()), m.GetQuote().GetContent())
	}
	// Output:
	// #7 ana: hello (edited: true, reactions: 1, answers: "")
	// #10 ben: hi (edited: false, reactions: 0, answers: "hello")
}

// conversation is a server with one thing to say.
func conversation(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"natter.v1.json"}})
	if err != nil {
		return
	}
	defer func() { _ = ws.CloseNow() }()
	for _, answer := range []string{
		`{"welcome":{"rooms":[{"room":{"id":"r1"},"headSeq":0}]}}` + "\n" +
			`{"event":{"roomId":"r1","seq":1,"actor":{"username":"ana"},"message":{"content":"ping"}}}`,
		`{"id":1,"ack":{"roomId":"r1","seq":2}}`,
	} {
		if _, _, err := ws.Read(r.Context()); err != nil {
			return
		}
		if err := ws.Write(r.Context(), websocket.MessageText, []byte(answer)); err != nil {
			return
		}
	}
	_, _, _ = ws.Read(r.Context())
}
