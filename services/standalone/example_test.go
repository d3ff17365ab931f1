package standalone_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/standalone"

	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// The examples of this package are the Go SDK (pkg/client) against a server, which is started for each.

// A private room: by invitation, with roles.
func Example_rooms() {
	ctx, server := serve()
	defer server.stop()
	ada, bob := server.register(ctx, "ada"), server.register(ctx, "bob")

	room, err := ada.NewRoom(ctx, &roomsv1.CreateRoomRequest{Name: "kitchen", Topic: "cake", IsPrivate: true})
	check(err)
	bobID := me(ctx, bob)
	_, err = ada.Invite(ctx, room.GetId(), bobID)
	check(err)

	invitations, err := bob.Invitations(ctx, "", 0)
	check(err)
	for _, i := range invitations {
		fmt.Printf("%s invites %s to %s\n", i.GetBy().GetUsername(), i.GetUser().GetUsername(), i.GetRoom().GetName())
		_, err = bob.AcceptInvitation(ctx, i.GetId())
		check(err)
	}
	_, err = ada.SetRole(ctx, room.GetId(), bobID, string(role.Moderator))
	check(err)
	members, err := bob.Members(ctx, room.GetId(), "", 0)
	check(err)
	for _, m := range members {
		fmt.Println(m.GetUser().GetUsername(), m.GetRole())
	}
	// Output:
	// ada invites bob to kitchen
	// ada owner
	// bob moderator
}

// A message, its thread, and what becomes of it, as somebody sees it who looks later.
func Example_messages() {
	ctx, server := serve()
	defer server.stop()
	ada := server.register(ctx, "ada")
	room, err := ada.CreateRoom(ctx, "kitchen", "", false)
	check(err)
	conn, err := ada.Connect(ctx, client.ConnOptions{})
	check(err)
	defer conn.Close()

	lunch, err := conn.Send(ctx, room.GetId(), "lunhc?")
	check(err)
	_, err = conn.Edit(ctx, room.GetId(), lunch.GetSeq(), "lunch?")
	check(err)
	_, err = conn.React(ctx, room.GetId(), lunch.GetSeq(), "🍲", false)
	check(err)
	_, err = conn.Send(ctx, room.GetId(), "soup", client.InThread(lunch.GetSeq()))
	check(err)
	_, err = conn.Send(ctx, room.GetId(), "who asks?", client.ReplyTo(lunch.GetSeq()))
	check(err)

	page, err := conn.Fetch(ctx, room.GetId(), client.Which{})
	check(err)
	for _, m := range client.NewTimeline(page).Messages { // the oldest first
		fmt.Printf("%s | edited %t, %d reactions, %d in its thread, answers %q\n",
			m.GetContent(), m.GetIsEdited(), len(m.GetReactions()), m.GetReplies().GetCount(), m.GetQuote().GetContent())
	}
	edits, err := ada.Edits(ctx, room.GetId(), lunch.GetSeq(), 0, 0)
	check(err)
	for _, e := range edits {
		fmt.Println("it said", e.GetContent())
	}
	// Output:
	// lunch? | edited true, 1 reactions, 1 in its thread, answers ""
	// who asks? | edited false, 0 reactions, 0 in its thread, answers "lunch?"
	// it said lunhc?
	// it said lunch?
}

// A bot that has something to say now and then, without a connection.
func Example_bot() {
	ctx, server := serve()
	defer server.stop()
	ada := server.register(ctx, "ada")
	room, err := ada.CreateRoom(ctx, "deployments", "", false)
	check(err)
	bot, err := ada.CreateBot(ctx, "builder", "")
	check(err)
	made, err := ada.CreateToken(ctx, &authv1.CreateTokenRequest{Name: "build", Scopes: []string{"write"}, BotId: bot.GetId()})
	check(err)

	builder, err := client.New(server.url, client.Options{Token: client.StaticToken(made.GetToken())})
	check(err)
	_, err = builder.JoinRoom(ctx, room.GetId())
	check(err)
	for range 2 { // the answer was lost, so once more
		_, err = builder.Post(ctx, room.GetId(), "Deployed.", client.WithNonce("build 7"))
		check(err)
	}
	messages, err := ada.Messages(ctx, room.GetId(), client.Which{})
	check(err)
	for _, m := range messages {
		fmt.Println(m.GetUsername()+":", m.GetContent())
	}
	// Output: builder: Deployed.
}

// Who is connected hears of it at once.
func Example_events() {
	ctx, server := serve()
	defer server.stop()
	ada, bob := server.register(ctx, "ada"), server.register(ctx, "bob")
	conn, err := bob.Connect(ctx, client.ConnOptions{})
	check(err)
	defer conn.Close()
	room, err := ada.OpenDirect(ctx, me(ctx, bob))
	check(err)
	for event := range conn.Events(ctx) {
		switch e := event.(type) {
		case *clientv1.UserEvent: // bob is in another room now: what follows its headSeq comes as events
			if joined := e.GetJoined(); joined != nil {
				fmt.Printf("a %s conversation\n", joined.GetRoom().GetKind())
				_, err = ada.Post(ctx, room.GetId(), "psst")
				check(err)
			}
		case *chatv1.Event:
			if e.GetMessage() != nil {
				fmt.Println(e.GetActor().GetUsername()+":", e.GetMessage().GetContent())
				return
			}
		}
	}
	// Output:
	// a direct conversation
	// ada: psst
}

func check(err error) {
	if err != nil {
		panic(err) // an example has no *testing.T
	}
}

func me(ctx context.Context, c *client.Client) string {
	user, err := c.Me(ctx)
	check(err)
	return user.GetId()
}

// server is Natter in this process, on fresh data.
type server struct {
	url  string
	stop func()
}

func serve() (context.Context, *server) {
	dir, err := os.MkdirTemp("", "natter-example-")
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	s := &server{url: "http://" + freeAddr()}
	ended := make(chan int)
	process := app.Process{Stdout: io.Discard, Stderr: io.Discard, Environ: []string{
		"NATTER_HTTP_ADDR=" + s.url[len("http://"):], "NATTER_ADMIN_ADDR=" + freeAddr(), "NATTER_DATA_DIR=" + dir,
		"NATTER_ARGON2_MEMORY=64KiB", "NATTER_ARGON2_TIME=1", "NATTER_DRAIN_WINDOW=10ms",
	}}
	ready := make(chan struct{})
	components := append(standalone.Components("natter", io.Discard), app.Component{
		Name: "example", New: func(context.Context, *app.Deps) (app.Runner, error) {
			close(ready)
			return app.RunnerFunc(func(ctx context.Context) error { <-ctx.Done(); return nil }), nil
		},
	})
	go func() { ended <- app.Run(ctx, process, "natter", components...) }()
	select {
	case <-ready:
	case code := <-ended:
		panic(fmt.Sprint("the server ended with ", code))
	}
	s.stop = func() {
		cancel()
		<-ended
		_ = os.RemoveAll(dir)
	}
	return ctx, s
}

// register makes an account, and a client that is signed in to it.
func (s *server) register(ctx context.Context, name string) *client.Client {
	c, err := client.New(s.url, client.Options{})
	check(err)
	_, err = c.Register(ctx, name+"@example.org", name, "correct horse battery")
	check(err)
	return c
}

func freeAddr() string {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	check(err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
