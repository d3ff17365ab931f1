package client_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
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
