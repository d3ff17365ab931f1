package session

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/testkit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func ping(id uint32) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Ping{Ping: &clientv1.Ping{}}}
}

func TestHello(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		room := shared.room(3, p)
		shared.mu.Lock()
		shared.markers[p.id] = map[ids.Room]uint32{room.id: 1}
		shared.mu.Unlock()
		c := g.dial(t, e)
		// A frame in the message of the hello is answered too, after it.
		c.send(&clientv1.ClientFrame{Id: 7, Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: p.token(t, time.Hour)}}}, ping(8))
		f := c.next()
		w := f.GetWelcome()
		if f.GetId() != 7 || w.GetEpoch() != testEpoch || w.GetUser().GetId() != p.id.String() || w.GetConnectionId() == "" ||
			w.GetMore() || w.GetPingSeconds() != 25 || time.Until(w.GetTokenExpiresAt().AsTime()) < 59*time.Minute {
			t.Errorf("welcome %v", f)
		}
		if len(w.GetRooms()) != 1 {
			t.Fatalf("rooms %v", w.GetRooms())
		}
		r := w.GetRooms()[0]
		if r.GetRoom().GetId() != room.String() || r.GetRole() != "member" || r.GetHeadSeq() != 3 || r.GetReadSeq() != 1 || r.GetUnread() != 2 {
			t.Errorf("room %v", r)
		}
		if f := c.next(); f.GetPong() == nil || f.GetId() != 8 {
			t.Errorf("got %v, want the pong", f)
		}
	})
}

func TestRefusedHello(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	hello := func(h *clientv1.Hello) *clientv1.ClientFrame {
		return &clientv1.ClientFrame{Id: 5, Frame: &clientv1.ClientFrame_Hello{Hello: h}}
	}
	many := make([]*clientv1.Cursor, maxCursors+1)
	for i := range many {
		many[i] = &clientv1.Cursor{RoomId: ids.New[ids.Room]().String(), Seq: 1}
	}
	for name, tt := range map[string]struct {
		frame       *clientv1.ClientFrame
		code, field string
		close       websocket.StatusCode
	}{
		"no token":      {hello(&clientv1.Hello{}), "unauthenticated", "", closeToken},
		"forged token":  {hello(&clientv1.Hello{Token: p.token(t, time.Hour) + "x"}), "unauthenticated", "", closeToken},
		"expired token": {hello(&clientv1.Hello{Token: p.token(t, -time.Minute)}), "unauthenticated", "", closeToken},
		"not hello":     {ping(5), "invalid_argument", "hello", closeProtocol},
		"too many rooms": {
			hello(&clientv1.Hello{Token: p.token(t, time.Hour), Resume: many}), "invalid_argument", "hello.resume", closeProtocol,
		},
		"bad room": {
			hello(&clientv1.Hello{Token: p.token(t, time.Hour), Resume: []*clientv1.Cursor{{RoomId: "*"}}}),
			"invalid_argument", "hello.resume.roomId", closeProtocol,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBoth(t, func(t *testing.T, e wire.Encoding) {
				c := g.dial(t, e)
				c.send(tt.frame)
				all := c.closed(tt.close)
				if len(all) != 1 || all[0].GetId() != 5 || all[0].GetError().GetCode() != tt.code || all[0].GetError().GetField() != tt.field {
					t.Errorf("got %v, want one error %s of %q", all, tt.code, tt.field)
				}
			})
		})
	}
}

func TestMalformedHello(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		c := g.dial(t, e)
		c.raw([]byte("\x05{\"id"))
		if all := c.closed(closeProtocol); len(all) != 1 || all[0].GetError().GetCode() != "invalid_argument" {
			t.Errorf("got %v", all)
		}
	})
}

func TestNoHelloInTime(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.srv.helloTimeout = 250 * time.Millisecond // with room for a hello on a busy machine
	c := g.dial(t, wire.JSON)
	if all := c.closed(closeProtocol); len(all) != 0 {
		t.Errorf("got %v", all)
	}
	g.ended(t, "protocol", 1)
	// Whoever said hello is not cut off.
	c, _ = g.connect(t, wire.JSON, shared.person())
	g.dial(t, wire.JSON).closed(closeProtocol) // another one waits as long
	c.sync()
}

func TestServicesAway(t *testing.T) {
	t.Parallel()
	g := startGateway(t, testkit.NATS(t), nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		c := g.dial(t, e)
		c.hello(&clientv1.Hello{Token: shared.person().token(t, time.Hour)})
		all := c.closed(closeUnavailable)
		if len(all) != 1 || all[0].GetError().GetCode() != "unavailable" || all[0].GetError().GetRetryAfterMs() == 0 {
			t.Errorf("got %v", all)
		}
	})
}

func TestWelcomeIsPaged(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	const rooms = 120
	for range rooms {
		shared.room(1, p)
	}
	c, w := g.connect(t, wire.JSON, p)
	seen := map[string]bool{}
	for pages := 1; ; pages++ {
		for _, r := range w.GetRooms() {
			seen[r.GetRoom().GetId()] = true
		}
		if !w.GetMore() {
			if pages != 3 || len(seen) != rooms {
				t.Errorf("%d rooms on %d pages", len(seen), pages)
			}
			return
		}
		f := c.next()
		if w = f.GetWelcome(); w == nil || f.GetId() != 1 {
			t.Fatalf("got %v, want another welcome", f)
		}
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	dial := func(o *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return websocket.Dial(ctx, g.url, o)
	}
	for name, tt := range map[string]struct {
		offer  []string
		header http.Header
		want   string
		status int
	}{
		"none":           {want: "", status: 101},
		"json":           {offer: []string{"natter.v1.json"}, want: "natter.v1.json", status: 101},
		"proto":          {offer: []string{"natter.v1.proto"}, want: "natter.v1.proto", status: 101},
		"both":           {offer: []string{"natter.v1.proto", "natter.v1.json"}, want: "natter.v1.proto", status: 101},
		"one is unknown": {offer: []string{"natter.v9.json", "natter.v1.json"}, want: "natter.v1.json", status: 101},
		"unknown":        {offer: []string{"natter.v9.json"}, status: 400},
		"empty":          {header: http.Header{"Sec-Websocket-Protocol": {""}}, status: 400},
		"own origin":     {header: http.Header{"Origin": {"http" + g.url[2:]}}, status: 101},
		"foreign origin": {header: http.Header{"Origin": {"https://evil.example"}}, status: 403},
	} {
		ws, res, err := dial(&websocket.DialOptions{Subprotocols: tt.offer, HTTPHeader: tt.header})
		if res == nil || res.StatusCode != tt.status {
			t.Errorf("%s: %v %v, want %d", name, res, err, tt.status)
		}
		if err == nil {
			if ws.Subprotocol() != tt.want {
				t.Errorf("%s: subprotocol %q", name, ws.Subprotocol())
			}
			_ = ws.CloseNow()
		}
	}
	// Without an offer the connection speaks JSON.
	ws, _, err := dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{tb: t, ws: ws, encoding: wire.JSON}
	c.hello(&clientv1.Hello{Token: shared.person().token(t, time.Hour)})
	if f := c.next(); f.GetWelcome() == nil {
		t.Errorf("got %v", f)
	}
	_ = ws.CloseNow()
}

func TestAllowedOrigin(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.Origins = []string{"chat.example"} })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, g.url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://chat.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	_ = ws.CloseNow()
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.ConnectionsPerUser = 2 })
	p := shared.person()
	first, _ := g.connect(t, wire.JSON, p)
	g.connect(t, wire.JSON, p)
	third := g.dial(t, wire.JSON)
	third.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
	if all := third.closed(closeTooManySockets); len(all) != 1 || all[0].GetError().GetCode() != "resource_exhausted" {
		t.Errorf("got %v", all)
	}
	first.sync()
	_ = first.ws.Close(websocket.StatusNormalClosure, "")
	g.ended(t, "client", 1)
	g.connect(t, wire.JSON, p)
}

func TestRenew(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		p := shared.person()
		room := shared.room(1, p)
		c, _ := g.connect(t, e, p)
		renew := func(token string) {
			c.send(&clientv1.ClientFrame{Id: 9, Frame: &clientv1.ClientFrame_Hello{Hello: &clientv1.Hello{Token: token}}})
		}
		renew(p.token(t, 2*time.Hour))
		if w := c.answer(9).GetWelcome(); w == nil || time.Until(w.GetTokenExpiresAt().AsTime()) < 119*time.Minute {
			t.Errorf("renewed: %v", w)
		}
		renew("x.y.z")
		if f := c.answer(9); f.GetError().GetCode() != "unauthenticated" {
			t.Errorf("bad token: %v", f)
		}
		room.commit(1) // the connection lives, and delivers
		c.events(room, 2, 2)
		renew(shared.person().token(t, time.Hour))
		if all := c.closed(closeProtocol); len(all) != 1 || all[0].GetError().GetCode() != "permission_denied" {
			t.Errorf("another user's token: %v", all)
		}
	})
}

func TestTokenExpires(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	p := shared.person()
	c := g.dial(t, wire.JSON)
	c.hello(&clientv1.Hello{Token: p.token(t, 2*time.Second)})
	w := c.next().GetWelcome()
	if w == nil {
		t.Fatal("the first frame is no welcome")
	}
	if e := c.next().GetTokenExpiring(); !e.GetExpiresAt().AsTime().Equal(w.GetTokenExpiresAt().AsTime()) {
		t.Errorf("expiring %v, token %v", e, w.GetTokenExpiresAt())
	}
	renewed := g.dial(t, wire.JSON)
	renewed.hello(&clientv1.Hello{Token: p.token(t, 2*time.Second)})
	old := renewed.next().GetWelcome().GetTokenExpiresAt().AsTime()
	renewed.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
	renewed.answer(1)
	c.closed(closeToken)
	g.ended(t, "token", 1)
	poll(t, "the end of the token that was replaced", func() bool { return time.Now().After(old) })
	renewed.sync()
}
