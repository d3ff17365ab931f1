package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func wantSeen(t *testing.T, c *Conn, want ...string) {
	t.Helper()
	if got := seen(t, c); !slices.Equal(got, want) {
		t.Fatalf("the program saw %q, want %q", got, want)
	}
}

func TestEventsComeInOrderOnce(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: encoding}, roomAt(room, 5), roomAt(otherRoom, 0))
		wantSeen(g.t, conn, "connecting", "welcome 2", "online")
		p.send(slices.Concat(events(room, 4, 6), events(otherRoom, 1, 1), events(room, 6, 7))...)
		wantSeen(g.t, conn, "1:6", "2:1", "1:7")

		// A gap: 8 and 9 are missing. The room is resumed; until that is done nothing is shown out of order.
		p.send(events(room, 10, 10)...)
		f := p.expect(new(clientv1.ClientFrame_Resume))
		if got := f.GetResume().GetRooms(); len(got) != 1 || got[0].GetRoomId() != room || got[0].GetSeq() != 7 {
			g.t.Fatalf("resume = %v, want room at 7", got)
		}
		p.send(events(room, 11, 11)...)
		p.send(events(otherRoom, 2, 2)...)
		wantSeen(g.t, conn, "2:2")
		p.send(slices.Concat(events(room, 8, 11), []*clientv1.ServerFrame{caughtUp(room, 11)}, events(room, 12, 12))...)
		wantSeen(g.t, conn, "1:8", "1:9", "1:10", "1:11", "1:caughtUp 11", "1:12")
		p.quiet()
	})
}

func TestResumesAfterADrop(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: encoding}, roomAt(room, 5), roomAt(otherRoom, 3))
		p.send(events(room, 6, 8)...)
		wantSeen(g.t, conn, "connecting", "welcome 2", "online", "1:6", "1:7", "1:8")
		p.drop()
		p = g.accept()
		hello := p.expect(new(clientv1.ClientFrame_Hello)).GetHello()
		if hello.GetEpoch() != "e1" || len(hello.GetResume()) != 2 || hello.GetResume()[0].GetSeq() != 8 || hello.GetResume()[1].GetSeq() != 3 {
			g.t.Fatalf("hello = %v, want both cursors and the epoch", hello)
		}
		// The heads of the welcome are ahead of what is being resumed: that is no gap.
		p.welcome(roomAt(room, 9), roomAt(otherRoom, 3))
		p.send(append(events(room, 9, 9), caughtUp(room, 9), caughtUp(otherRoom, 3))...)
		wantSeen(g.t, conn, "waiting", "connecting", "welcome 2", "online", "1:9", "1:caughtUp 9", "2:caughtUp 3")
		p.quiet()
	})
}

func TestResetGoneAndJoined(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{Resume: map[string]uint32{room: 5, "01920000-0000-7000-8000-000000000009": 1}, Epoch: "e0"},
			roomAt(room, 900))
		// The room of the other cursor is not listed: the user left it while away.
		wantSeen(g.t, conn, "connecting", "welcome 1", "9:gone", "online")
		p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Reset_{Reset_: &clientv1.Reset{RoomId: room, HeadSeq: 900}}})
		p.send(events(room, 900, 901)...)
		wantSeen(g.t, conn, "1:reset 900", "1:901")

		joined := &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_UserEvent{UserEvent: &clientv1.UserEvent{
			Event: &clientv1.UserEvent_Joined{Joined: roomAt(otherRoom, 4)},
		}}}
		p.send(slices.Concat([]*clientv1.ServerFrame{joined}, events(otherRoom, 4, 5))...)
		wantSeen(g.t, conn, "userEvent", "2:5")
		gone := &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Gone{Gone: &clientv1.Gone{RoomId: otherRoom}}}
		p.send(gone, gone)
		wantSeen(g.t, conn, "2:gone")

		// Joined again, and the first event overtakes the news.
		p.send(append(events(otherRoom, 9, 9), joined)...)
		wantSeen(g.t, conn, "2:9", "userEvent")
		if epoch, seqs := conn.Cursors(); epoch != "e1" || len(seqs) != 2 || seqs[room] != 901 || seqs[otherRoom] != 9 {
			g.t.Errorf("Cursors = %q %v", epoch, seqs)
		}
		p.quiet()
	})
}

// manyRooms are cursors for three frames, and the rooms.
func manyRooms() (cursors map[string]uint32, rooms []*clientv1.RoomState) {
	cursors = map[string]uint32{}
	for i := range 2*helloLimit + 1 {
		id := fmt.Sprintf("%s%04d", room[:32], i)
		cursors[id] = 7
		rooms = append(rooms, roomAt(id, 8))
	}
	return cursors, rooms
}

func TestResumesMoreRoomsThanFitIntoHello(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		cursors, rooms := manyRooms()
		start := g.start(g.client(StaticToken("token")), ConnOptions{Resume: cursors, Encoding: JSON})
		p := g.accept()
		listed := p.expect(new(clientv1.ClientFrame_Hello)).GetHello().GetResume()
		p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Welcome{Welcome: &clientv1.Welcome{Rooms: rooms[:300], More: true}}})
		p.quiet()
		p.welcome(rooms[300:]...)
		conn := start()
		for range 2 {
			f := p.expect(new(clientv1.ClientFrame_Resume))
			listed = append(listed, f.GetResume().GetRooms()...)
			p.send(&clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Ok{Ok: &clientv1.Ok{}}})
		}
		for _, cur := range listed {
			if cursors[cur.GetRoomId()] != cur.GetSeq() {
				g.t.Fatalf("%v is resumed twice, or from elsewhere", cur)
			}
			delete(cursors, cur.GetRoomId())
		}
		if len(cursors) != 0 {
			g.t.Errorf("%d rooms were not resumed", len(cursors))
		}
		wantSeen(g.t, conn, "connecting", "welcome 300", "welcome 501", "online")
		p.quiet()
	})
}

// Only hello carries the epoch, so after a restored backup the client itself resets the rooms that did not fit into it.
func TestAnotherEpochResetsTheRoomsBeyondHello(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		cursors, rooms := manyRooms()
		start := g.start(g.client(StaticToken("token")), ConnOptions{Resume: cursors, Epoch: "e0"})
		p := g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.welcome(rooms...)
		conn := start()
		p.quiet()
		resets := slices.DeleteFunc(seen(g.t, conn), func(w string) bool { return !strings.HasSuffix(w, "reset 8") })
		if len(resets) != helloLimit+1 {
			g.t.Errorf("%d rooms were reset, want %d", len(resets), helloLimit+1)
		}
	})
}

// A program that does not take its events costs a bounded queue; afterwards it still gets every event.
func TestASlowProgramLosesNothing(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		const total = queueLimit + 500
		p.send(events(room, 1, 2000)...)
		p.send(events(room, 2001, total)...)
		// Requests are still answered.
		sent := make(chan error, 1)
		go func() { _, err := conn.Send(g.t.Context(), room, "hi"); sent <- err }()
		p.ack(p.expect(new(clientv1.ClientFrame_Send)), total+1)
		if err := <-sent; err != nil {
			g.t.Fatalf("Send with a full queue: %v", err)
		}
		p.quiet()
		words := seen(g.t, conn)
		cur := p.expect(new(clientv1.ClientFrame_Resume)).GetResume().GetRooms()[0]
		p.send(append(events(room, cur.GetSeq()+1, total+1), caughtUp(room, total+1))...)
		words = append(words, seen(g.t, conn)...)
		words = slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(w, "1:") || strings.Contains(w, " ") })
		if len(words) != total+1 || !slices.Contains(words, "1:4597") {
			g.t.Errorf("the program saw %d events, want %d", len(words), total+1)
		}
		p.quiet()
	})
}

// A server that claims to have sent what it has not is left, instead of being asked for ever.
func TestACatchUpThatBringsNothingEndsTheSession(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 5))
		p.send(events(room, 9, 9)...)
		p.expect(new(clientv1.ClientFrame_Resume))
		p.send(caughtUp(room, 9))
		p = g.accept()
		if cur := p.expect(new(clientv1.ClientFrame_Hello)).GetHello().GetResume()[0]; cur.GetSeq() != 5 {
			g.t.Errorf("hello resumes from %d, want 5", cur.GetSeq())
		}
		if err := conn.Err(); err == nil || !strings.Contains(err.Error(), "left out events") {
			g.t.Errorf("Err = %v", err)
		}
	})
}

func TestPingsAndNoticesSilence(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		start := time.Now()
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		f := p.expect(new(clientv1.ClientFrame_Ping))
		if at := time.Since(start); at != 25*time.Second || f.GetId() == 0 {
			g.t.Fatalf("ping %v came after %v, want 25s", f, at)
		}
		p.send(&clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Pong{Pong: &clientv1.Pong{}}})
		synctest.Wait()
		time.Sleep(20 * time.Second) //nolint:forbidigo // in a bubble
		p.send(events(room, 1, 1)...)
		start = time.Now()
		p.expect(new(clientv1.ClientFrame_Ping))
		if at := time.Since(start); at != 25*time.Second {
			g.t.Fatalf("the second ping came %v after the last frame, want 25s", at)
		}
		// No pong: the connection is dead, whatever TCP thinks.
		<-p.done
		if at := time.Since(start); at < 50*time.Second || at > 52*time.Second {
			g.t.Errorf("the silence was noticed after %v, want 50s", at)
		}
		synctest.Wait()
		if !errors.Is(conn.Err(), errSilent) {
			g.t.Errorf("Err = %v", conn.Err())
		}
		g.accept().expect(new(clientv1.ClientFrame_Hello))
	})
}

func TestAServerThatDoesNotWelcomeIsLeft(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		begin := time.Now()
		start := g.start(g.client(StaticToken("token")), ConnOptions{})
		p := g.accept()
		p.refuse(0, "unavailable", 0)
		<-p.done
		if at := time.Since(begin); at < helloTimeout || at > helloTimeout+2*closePatience {
			g.t.Errorf("it was left after %v, want %v", at, helloTimeout)
		}
		if len(p.frames) != 1 {
			g.t.Errorf("%d frames were sent before the welcome, want hello only", len(p.frames))
		}
		p = g.accept()
		p.welcome()
		for event := range start().Events(g.t.Context()) {
			if change, ok := event.(StateChange); ok && change.State == Waiting {
				if fault.CodeOf(change.Err) != fault.Unavailable {
					g.t.Errorf("waiting because of %v, want what the server said", change.Err)
				}
				break
			}
		}
	})
}

func TestGoAwayGivesTheSlot(t *testing.T) {
	t.Parallel()
	for name, closeEarly := range map[string]bool{"the server waits": false, "the server closes early": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, func(g *gateway) {
				_, p := g.connect(ConnOptions{}, roomAt(room, 0))
				start := time.Now()
				p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_GoAway{GoAway: &clientv1.GoAway{ReconnectAfterMs: 1840}}})
				if closeEarly {
					p.close(4012, "draining")
				}
				g.accept().expect(new(clientv1.ClientFrame_Hello))
				if at := time.Since(start); at != 1840*time.Millisecond {
					g.t.Errorf("it came back after %v, want 1.84s", at)
				}
			})
		})
	}
}

func TestABusyServerGivesTheSlot(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		start := time.Now()
		ready := g.start(g.client(StaticToken("token")), ConnOptions{})
		p := g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_GoAway{GoAway: &clientv1.GoAway{ReconnectAfterMs: 8400}}})
		p.refuse(0, "unavailable", 8400*time.Millisecond)
		p.close(4013, "too many clients come back at once; reconnect and resume")
		p = g.accept()
		if at := time.Since(start); at != 8400*time.Millisecond {
			g.t.Errorf("it came back after %v, want 8.4s", at)
		}
		p.welcome()
		ready()
	})
}

func TestARefusedResumeWaits(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		_, p := g.connect(ConnOptions{}, roomAt(room, 0))
		p.send(events(room, 1, 1)...)
		p.send(events(room, 3, 3)...) // 2 is missing
		f := p.expect(new(clientv1.ClientFrame_Resume))
		start := time.Now()
		p.refuse(f.GetId(), "resource_exhausted", 7*time.Second)
		p = g.accept()
		if cur := p.expect(new(clientv1.ClientFrame_Hello)).GetHello().GetResume()[0]; cur.GetSeq() != 1 {
			g.t.Errorf("hello resumes from %d, want 1", cur.GetSeq())
		}
		if at := time.Since(start); at < 7*time.Second || at > 7*time.Second+firstCeiling {
			g.t.Errorf("it came back after %v, want 7s and at most %v", at, firstCeiling)
		}
	})
}

func TestBackoffGrowsAndIsJittered(t *testing.T) {
	t.Parallel()
	var waits [2][]time.Duration
	for i := range waits {
		in(t, func(g *gateway) {
			conn, p := g.connect(ConnOptions{})
			g.down = true
			p.drop()
			seen(g.t, conn)
			for change := range conn.Events(g.t.Context()) {
				if change, ok := change.(StateChange); ok && change.State == Waiting {
					waits[i] = append(waits[i], time.Until(change.RetryAt))
				}
				if len(waits[i]) == 12 {
					break
				}
			}
		})
		for n, wait := range waits[i] {
			if wait > ceiling(n+1) {
				t.Errorf("wait %d = %v, above its ceiling %v", n, wait, ceiling(n+1))
			}
		}
		if slices.Max(waits[i]) < 2*time.Second {
			t.Errorf("the waits do not grow: %v", waits[i])
		}
	}
	if slices.Equal(waits[0], waits[1]) {
		t.Error("two clients wait for the same times")
	}
	if ceiling(0) != firstCeiling || ceiling(3) != 4*time.Second || ceiling(100) != lastCeiling {
		t.Errorf("ceilings %v %v %v", ceiling(0), ceiling(3), ceiling(100))
	}
}

func TestCloseCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code   websocket.StatusCode
		reason string
		stop   fault.Code // "": reconnects
		wait   time.Duration
	}{
		{code: 1001}, {code: 1011}, {code: 1012}, {code: 4000}, {code: 4008, reason: "slow consumer"}, {code: 4099},
		{code: 4029, reason: "rate limited, retry after 7s", wait: 7 * time.Second},
		{code: 4029, reason: "rate limited: retry after 2m0s", wait: 2 * time.Minute}, // as edge-gateway says it
		{code: 4029, reason: "1500", wait: 1500 * time.Millisecond},
		{code: 1009, stop: fault.InvalidArgument},
		{code: 4100, stop: fault.Unimplemented}, {code: 4103, stop: fault.Unauthenticated},
		{code: 4109, stop: fault.ResourceExhausted}, {code: 4199, stop: fault.Unimplemented},
	} {
		t.Run(tt.code.String()+tt.reason, func(t *testing.T) {
			t.Parallel()
			in(t, func(g *gateway) {
				conn, p := g.connect(ConnOptions{})
				start := time.Now()
				p.close(tt.code, tt.reason)
				if tt.stop == "" {
					g.accept().expect(new(clientv1.ClientFrame_Hello))
					if at := time.Since(start); at < tt.wait || at > tt.wait+firstCeiling {
						g.t.Errorf("it came back after %v, want %v and at most %v", at, tt.wait, firstCeiling)
					}
					return
				}
				<-conn.done
				if conn.State() != Stopped || fault.CodeOf(conn.Err()) != tt.stop || websocket.CloseStatus(conn.Err()) != tt.code {
					g.t.Errorf("%v with %v, want stopped with %s", conn.State(), conn.Err(), tt.stop)
				}
				if _, err := conn.Send(g.t.Context(), room, "hi"); !errors.Is(err, conn.Err()) {
					g.t.Errorf("Send after the end = %v", err)
				}
				for range conn.Events(context.Background()) {
				}
			})
		})
	}
}

func TestConnectStopsAtItsContextAndSaysWhy(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		g.down = true
		ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
		defer cancel()
		_, err := g.client(StaticToken("token")).Connect(ctx, ConnOptions{})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "connection refused") {
			g.t.Errorf("Connect = %v", err)
		}
	})
}

func TestAServerThatIsNotNatterStops(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		c := g.client(StaticToken("token"))
		c.base = c.base.JoinPath("elsewhere")
		g.http = notFound
		if _, err := c.Connect(g.t.Context(), ConnOptions{}); fault.CodeOf(err) != fault.Unimplemented {
			g.t.Errorf("Connect = %v", err)
		}
	})
}

func TestCloseSaysGoodbyeAndFailsWhatIsPending(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{})
		pending, err := conn.SendAsync(room, "hi")
		if err != nil {
			g.t.Fatal(err)
		}
		conn.Close()
		<-p.done
		if p.closed != websocket.StatusNormalClosure {
			g.t.Errorf("closed with %v", p.closed)
		}
		if _, err := pending.Wait(g.t.Context()); !errors.Is(err, ErrClosed) {
			g.t.Errorf("the pending send ended with %v", err)
		}
	})
}
