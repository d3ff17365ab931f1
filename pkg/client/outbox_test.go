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

	"github.com/natter-chat/natter/pkg/fault"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// queue sends messages 1…n to a room without waiting.
func sendMany(t *testing.T, conn *Conn, roomID string, n int) (pending []*Pending) {
	t.Helper()
	for i := range n {
		p, err := conn.SendAsync(roomID, fmt.Sprint(i+1))
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, p)
	}
	return pending
}

// sends reads n sends and returns their frames.
func (p *peer) sends(n int) (frames []*clientv1.ClientFrame) {
	p.t.Helper()
	for range n {
		frames = append(frames, p.expect(new(clientv1.ClientFrame_Send)))
	}
	return frames
}

func contents(frames []*clientv1.ClientFrame) (words []string) {
	for _, f := range frames {
		words = append(words, f.GetSend().GetContent())
	}
	return words
}

func TestSendReturnsTheAck(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: encoding}, roomAt(room, 0))
		got := make(chan *clientv1.Ack, 1)
		go func() {
			ack, err := conn.Send(g.t.Context(), room, "hé\n", ReplyTo(3), WithNonce("n1"), WithFile("image", "http://x/y.png"))
			if err != nil {
				g.t.Errorf("Send: %v", err)
			}
			got <- ack
		}()
		f := p.expect(new(clientv1.ClientFrame_Send))
		if s := f.GetSend(); s.GetContent() != "hé\n" || s.GetReplyTo() != 3 || s.GetNonce() != "n1" || s.GetType() != "image" ||
			s.GetFileUrl() != "http://x/y.png" || s.GetRoomId() != room {
			g.t.Errorf("the server got %v", s)
		}
		p.ack(f, 42)
		if ack := <-got; ack.GetSeq() != 42 {
			g.t.Errorf("ack = %v", ack)
		}
	})
}

func TestEveryRequestAndItsAnswer(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{})
		ctx := g.t.Context()
		ack := &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Ack{Ack: &clientv1.Ack{Seq: 9}}}
		ok := &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Ok{Ok: &clientv1.Ok{}}}
		page := &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Page{Page: &clientv1.Page{
			RoomId: room, AsOfSeq: 9, Messages: []*chatv1.Message{{Seq: 9}},
		}}}
		seq := func(a *clientv1.Ack, err error) (uint32, error) { return a.GetSeq(), err }
		for _, tt := range []struct {
			name   string
			call   func() (uint32, error)
			frame  string // the frame without its id and nonce
			answer *clientv1.ServerFrame
			want   uint32
		}{
			{"edit", func() (uint32, error) { return seq(conn.Edit(ctx, room, 7, "x")) }, `edit:{room_id:R seq:7 content:"x"}`, ack, 9},
			{"delete", func() (uint32, error) { return seq(conn.Delete(ctx, room, 7)) }, `delete:{room_id:R seq:7}`, ack, 9},
			{"react", func() (uint32, error) { return seq(conn.React(ctx, room, 7, "+", true)) },
				`react:{room_id:R seq:7 emoji:"+" remove:true}`, ack, 9},
			{"pin", func() (uint32, error) { return seq(conn.Pin(ctx, room, 7, true)) }, `pin:{room_id:R seq:7 remove:true}`, ack, 9},
			{"read", func() (uint32, error) { return 0, conn.Read(ctx, room, 7) }, `read:{room_id:R seq:7}`, ok, 0},
			{"fetch", func() (uint32, error) {
				page, err := conn.Fetch(ctx, room, Which{Before: 7, Limit: 10})
				return page.GetAsOfSeq(), err
			}, `fetch:{room_id:R before_seq:7 limit:10}`, page, 9},
		} {
			done := make(chan struct{})
			go func() {
				defer close(done)
				if got, err := tt.call(); err != nil || got != tt.want {
					g.t.Errorf("%s = %d, %v, want %d", tt.name, got, err, tt.want)
				}
			}()
			f := p.next()
			id := f.GetId()
			if got := plain(f); got != tt.frame {
				g.t.Errorf("%s sent %s, want %s", tt.name, got, tt.frame)
			}
			tt.answer.Id = id
			p.send(tt.answer)
			<-done
		}
		conn.Typing(room, true)
		conn.Delivered(room, 7)
		conn.Watch("u2")
		conn.Away(true)
		for _, want := range []string{`typing:{room_id:R active:true}`, `delivered:{room_id:R seq:7}`, `watch:{user_ids:"u2"}`, `away:{away:true}`} {
			if got := plain(p.next()); got != want {
				g.t.Errorf("sent %s, want %s", got, want)
			}
		}
		p.drop()
		p = g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.welcome()
		p.expect(new(clientv1.ClientFrame_Away))
		if f := p.expect(new(clientv1.ClientFrame_Watch)); f.GetWatch().GetUserIds()[0] != "u2" {
			g.t.Errorf("after the reconnect: %v", f)
		}
	})
}

// plain is a frame in text without what changes from run to run.
func plain(f *clientv1.ClientFrame) string {
	f.Id = 0
	for _, body := range []interface{ GetNonce() string }{f.GetSend(), f.GetEdit(), f.GetDelete(), f.GetReact(), f.GetPin()} {
		if nonce := body.GetNonce(); nonce != "" {
			return plainText(f, nonce)
		}
	}
	return plainText(f, "none")
}

func plainText(f *clientv1.ClientFrame, nonce string) string {
	text := strings.ReplaceAll(f.String(), ` nonce:"`+nonce+`"`, "")
	text = strings.ReplaceAll(text, `"`+room+`"`, "R")
	return strings.Join(strings.Fields(text), " ") // the text form puts in spaces at random
}

// What was on the wire when the connection broke is sent again, in order, with the same nonces, and settles once.
func TestOutboxSurvivesReconnects(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: encoding}, roomAt(room, 0))
		pending := sendMany(g.t, conn, room, 5)
		first := p.sends(5)
		p.ack(first[0], 1)
		synctest.Wait()
		p.drop()
		pending = append(pending, sendMany(g.t, conn, room, 1)...) // while offline
		p = g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.quiet() // not before the welcome
		p.welcome(roomAt(room, 3))
		again := p.sends(5)
		if got, want := contents(again), []string{"2", "3", "4", "5", "1"}; !slices.Equal(got, want) {
			g.t.Fatalf("sent again: %v, want %v", got, want)
		}
		for i, f := range again {
			if i < 4 && f.GetSend().GetNonce() != first[i+1].GetSend().GetNonce() {
				g.t.Errorf("message %d was sent again with another nonce", i+2)
			}
			p.ack(f, uint32(i+2))
		}
		for i, pend := range pending {
			ack, err := pend.Wait(g.t.Context())
			if err != nil || ack.GetSeq() != uint32(i+1) || ack.GetNonce() != pend.Nonce {
				g.t.Errorf("message %d: %v, %v", i+1, ack, err)
			}
		}
		p.quiet()
	})
}

// The first of three fails for now: the others come back aborted, and all three are sent again in order, not before the
// time the server said. Another room is not held up.
func TestRetriesInOrder(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"unavailable", "resource_exhausted"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			in(t, func(g *gateway) {
				conn, p := g.connect(ConnOptions{}, roomAt(room, 0), roomAt(otherRoom, 0))
				start := time.Now()
				pending := sendMany(g.t, conn, room, 3)
				first := p.sends(3)
				p.refuse(first[0].GetId(), code, 3*time.Second)
				p.quiet() // the others are not answered yet
				sendMany(g.t, conn, room, 1)
				p.quiet()
				p.refuse(first[1].GetId(), "aborted", 0)
				p.refuse(first[2].GetId(), "aborted", 0)
				p.quiet()
				sendMany(g.t, conn, otherRoom, 1)
				p.ack(p.sends(1)[0], 1)
				var again []*clientv1.ClientFrame
				for i := range 4 { // one, and the next ones as answers come
					again = append(again, p.sends(1)...)
					if i == 0 {
						p.quiet()
					}
					p.ack(again[i], uint32(i+1))
				}
				if at := time.Since(start); at < 3*time.Second || at > 5*time.Second {
					g.t.Errorf("sent again after %v, want 3s", at)
				}
				if got, want := contents(again), []string{"1", "2", "3", "1"}; !slices.Equal(got, want) {
					g.t.Fatalf("sent again: %v, want %v", got, want)
				}
				for i := range pending {
					if again[i].GetSend().GetNonce() != pending[i].Nonce {
						g.t.Errorf("message %d has another nonce", i)
					}
					if ack, err := pending[i].Wait(g.t.Context()); err != nil || ack.GetSeq() != uint32(i+1) {
						g.t.Errorf("message %d: %v, %v", i, ack, err)
					}
				}
			})
		})
	}
}

// Sent again before the others have come back, the first would be stored behind them.
func TestARetryWaitsForTheAnswersBehindIt(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		sendMany(g.t, conn, room, 2)
		first := p.sends(2)
		p.refuse(first[0].GetId(), "unavailable", 0)
		time.Sleep(10 * time.Second) //nolint:forbidigo // in a bubble
		p.quiet()
		p.refuse(first[1].GetId(), "aborted", 0)
		for _, want := range []string{"1", "2"} {
			again := p.sends(1)
			if got := contents(again)[0]; got != want {
				g.t.Errorf("sent again: %v, want %v", got, want)
			}
			p.ack(again[0], 1)
		}
	})
}

// A server that refuses a whole window has refused once: the next try comes soon, and does not flood it again.
func TestARefusedWindowIsOneFailure(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		sendMany(g.t, conn, room, laneWindow)
		for _, f := range p.sends(laneWindow) {
			p.refuse(f.GetId(), "resource_exhausted", 20*time.Millisecond)
		}
		start := time.Now()
		for i := range laneWindow {
			synctest.Wait()
			if got := len(p.frames); i == 1 && got != 2 {
				g.t.Errorf("%d are on the wire after the first ack, want 2", got)
			}
			p.ack(p.sends(1)[0], uint32(i+1))
		}
		if at := time.Since(start); at > firstCeiling {
			g.t.Errorf("sent again after %v, want at most %v", at, firstCeiling)
		}
	})
}

// Several frames share a message, as long as it is one that the server takes.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, p := g.connect(ConnOptions{Encoding: encoding}, roomAt(room, 0))
		p.drop()
		for range 60 {
			if _, err := conn.SendAsync(room, strings.Repeat("x", 2000)); err != nil {
				g.t.Fatal(err)
			}
		}
		p = g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.welcome(roomAt(room, 0))
		p.sends(60)
		if p.largest > messageLimit || p.messages > 7 {
			g.t.Errorf("%d messages of up to %d bytes", p.messages, p.largest)
		}
	})
}

// A refusal for good ends that message only: the ones behind it, aborted by the server, go out again.
func TestARefusalFailsOnlyItsMessage(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		pending := sendMany(g.t, conn, room, 2)
		first := p.sends(2)
		p.refuse(first[0].GetId(), "invalid_argument", 0)
		p.refuse(first[1].GetId(), "aborted", 0)
		_, err := pending[0].Wait(g.t.Context())
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != fault.InvalidArgument || e.Field != "content" || e.Message != "no" {
			g.t.Errorf("the refused one: %v", err)
		}
		again := p.sends(1)[0]
		if again.GetSend().GetNonce() != pending[1].Nonce {
			g.t.Error("the other one has another nonce")
		}
		p.ack(again, 1)
		if _, err := pending[1].Wait(g.t.Context()); err != nil {
			g.t.Errorf("the other one: %v", err)
		}
	})
}

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		if _, err := conn.SendAsync(otherRoom, strings.Repeat("x", frameLimit)); fault.CodeOf(err) != fault.InvalidArgument {
			g.t.Errorf("a frame above the limit was taken: %v", err)
		}
		sendMany(g.t, conn, room, outboxLimit-2*laneWindow)
		synctest.Wait()
		if got := len(p.frames); got != laneWindow {
			g.t.Errorf("%d sends to one room are on the wire, want %d", got, laneWindow)
		}
		sendMany(g.t, conn, otherRoom, 2*laneWindow)
		if _, err := conn.SendAsync(room, "one more"); fault.CodeOf(err) != fault.ResourceExhausted {
			g.t.Errorf("the outbox took more than its limit: %v", err)
		}
		synctest.Wait()
		if got := len(p.frames); got != wireWindow {
			g.t.Errorf("%d sends are on the wire, want %d", got, wireWindow)
		}
		p.ack(p.sends(1)[0], 1)
		synctest.Wait()
		if got := len(p.frames); got != wireWindow {
			g.t.Errorf("after an ack %d are unanswered, want %d", got, wireWindow)
		}
		p.drop()
		p = g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.welcome(roomAt(room, 1))
		if got := len(p.frames); got != wireWindow {
			g.t.Errorf("after a reconnect %d are on the wire, want %d", got, wireWindow)
		}
	})
}

func TestInvalidTextIsRefusedHere(t *testing.T) {
	t.Parallel()
	inEachEncoding(t, func(g *gateway, encoding Encoding) {
		conn, _ := g.connect(ConnOptions{Encoding: encoding})
		if _, err := conn.Send(g.t.Context(), room, "\xff"); fault.CodeOf(err) != fault.InvalidArgument {
			g.t.Errorf("Send of broken UTF-8 = %v", err)
		}
	})
}

// A Send that is given up is withdrawn: it is not sent later, and what waits behind it goes on.
func TestSendCanBeGivenUp(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		conn, p := g.connect(ConnOptions{}, roomAt(room, 0))
		p.drop()
		ctx, cancel := context.WithCancel(g.t.Context())
		failed := make(chan error, 1)
		go func() { _, err := conn.Send(ctx, room, "never mind"); failed <- err }()
		synctest.Wait()
		sendMany(g.t, conn, room, 1)
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			g.t.Errorf("Send = %v", err)
		}
		p = g.accept()
		p.expect(new(clientv1.ClientFrame_Hello))
		p.welcome(roomAt(room, 0))
		if got := contents(p.sends(1)); got[0] != "1" {
			g.t.Errorf("sent %v", got)
		}
		p.quiet()
	})
}
