package client

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// counting is a source of token1, token2, …
func counting() TokenSource {
	n := 0
	return func(context.Context) (string, error) {
		n++
		return fmt.Sprint("token", n), nil
	}
}

func (p *peer) wantToken(want string) *clientv1.Hello {
	p.t.Helper()
	hello := p.expect(new(clientv1.ClientFrame_Hello)).GetHello()
	if hello.GetToken() != want {
		p.t.Fatalf("hello with %q, want %q", hello.GetToken(), want)
	}
	return hello
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		start := g.start(g.client(counting()), ConnOptions{})
		p := g.accept()
		p.wantToken("token1")
		p.welcome(roomAt(room, 4))
		conn := start()
		p.send(events(room, 5, 5)...)
		p.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_TokenExpiring{
			TokenExpiring: &clientv1.TokenExpiring{ExpiresAt: timestamppb.New(time.Now().Add(time.Minute))},
		}})
		if hello := p.wantToken("token2"); len(hello.GetResume()) != 0 {
			g.t.Error("the second hello resumes rooms")
		}
		p.welcome() // without rooms: nobody has left anything
		wantSeen(g.t, conn, "connecting", "welcome 1", "online", "1:5")
		p.drop()
		p = g.accept()
		p.wantToken("token2")
	})
}

func TestABadTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	in(t, func(g *gateway) {
		start := g.start(g.client(counting()), ConnOptions{})
		p := g.accept()
		p.wantToken("token1")
		p.refuse(0, "unauthenticated", 0)
		p.close(4101, "the token has expired")
		p = g.accept()
		p.wantToken("token2")
		p.welcome()
		conn := start()
		// After a welcome it may happen again.
		p.close(4101, "")
		p = g.accept()
		p.wantToken("token3")
		p.close(4101, "")
		<-conn.done
		if conn.State() != Stopped || fault.CodeOf(conn.Err()) != fault.Unauthenticated {
			g.t.Errorf("%v: %v", conn.State(), conn.Err())
		}
	})
}

func TestTokenSourceFailures(t *testing.T) {
	t.Parallel()
	t.Run("for now", func(t *testing.T) {
		t.Parallel()
		in(t, func(g *gateway) {
			failures := 3
			start := g.start(g.client(func(context.Context) (string, error) {
				if failures--; failures >= 0 {
					return "", fault.New(fault.Unavailable, "not now").WithRetryAfter(time.Second)
				}
				return "token", nil
			}), ConnOptions{})
			begin := time.Now()
			p := g.accept()
			p.wantToken("token")
			p.welcome()
			start()
			if at := time.Since(begin); at < 3*time.Second {
				g.t.Errorf("three failures took %v, want at least 3s", at)
			}
		})
	})
	t.Run("for good", func(t *testing.T) {
		t.Parallel()
		in(t, func(g *gateway) {
			c := g.client(func(context.Context) (string, error) { return "", fault.New(fault.Unauthenticated, "wrong password") })
			if _, err := c.Connect(g.t.Context(), ConnOptions{}); fault.CodeOf(err) != fault.Unauthenticated {
				g.t.Errorf("Connect = %v", err)
			}
		})
	})
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		in(t, func(g *gateway) {
			if _, err := g.client(nil).Connect(g.t.Context(), ConnOptions{}); fault.CodeOf(err) != fault.Unauthenticated {
				g.t.Errorf("Connect = %v", err)
			}
		})
	})
}

func TestOneRefreshServesAll(t *testing.T) {
	t.Parallel()
	tokens := newTokens(counting())
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if token, err := tokens.refresh(t.Context(), ""); err != nil || token != "token1" {
				t.Errorf("refresh = %q, %v", token, err)
			}
		})
	}
	wg.Wait()
	if token, _ := tokens.refresh(t.Context(), "token1"); token != "token2" {
		t.Errorf("after a stale token: %q", token)
	}
}
