// Package client is the Go SDK of Natter, for bots, bridges and tools.
//
//	api, err := client.New("http://localhost:8080", client.Options{Token: client.PasswordToken(server, email, password)})
//	conn, err := api.Connect(ctx, client.ConnOptions{})
//	defer conn.Close()
//	ack, err := conn.Send(ctx, roomID, "hello")
//	for event := range conn.Events(ctx) {
//		switch event := event.(type) {
//		case *chatv1.Event: // an entry of a room's log: each once, in seq order
//		case *clientv1.Reset: // too much was missed: Fetch a page
//		case client.StateChange: // offline, online
//		}
//	}
//
// A [Client] speaks HTTP: every route of the API is a method of it, by area in account.go, admin.go, tokens_bots.go,
// rooms.go, members.go, moderation.go, invitations.go and history.go; call.go makes the request as the .proto file says.
//
// A [Conn] is the live connection. It stays up by itself: it reconnects with full-jitter backoff, resumes every room where
// it stopped, renews its token, and keeps what is being sent in an outbox whose nonces do not change, so nothing is sent
// twice. What it was told by the server is passed on as it came: the vocabulary is the generated types of packages chatv1
// and clientv1.
//
// How a Conn is made, in reading order:
//
//	conn.go     its life: connect, wait, connect again, stop
//	session.go  one WebSocket: hello, reading, writing, pings        ◀── codec.go  JSON and protobuf
//	receive.go  what each frame of the server means                  ◀── close.go  what an end of a session means
//	cursors.go  which events are new, old, or behind a gap
//	outbox.go   requests that are not answered yet, in order per room ◀── commands.go, markers.go  Send, Read, …
//	events.go   the queue between the socket and the program
//
// More examples, which run against a server, are those of package services/standalone.
//
// A [Timeline] is what a client shows of a room: a page of history, and every event folded into it.
package client
