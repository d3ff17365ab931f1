package session

import (
	"slices"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/presence"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func watchFrame(id uint32, users ...string) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Watch{Watch: &clientv1.Watch{UserIds: users}}}
}

func awayFrame(id uint32, away bool) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Away{Away: &clientv1.Away{Away: away}}}
}

// presence returns the next presence that the client is told.
func (c *client) presence() *clientv1.Presence {
	c.tb.Helper()
	all := c.until(func(f *clientv1.ServerFrame) bool { return f.GetPresence() != nil })
	return all[len(all)-1].GetPresence()
}

func TestPresenceOverTwoGateways(t *testing.T) {
	t.Parallel()
	one, two := newGateway(t, nil), newGateway(t, nil)
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		ann, bob := shared.person(), shared.person()
		watcher, _ := one.connect(t, e, bob)
		watcher.send(watchFrame(1, ann.id.String(), bob.id.String()))
		first := []*clientv1.Presence{watcher.presence(), watcher.presence()}
		i := slices.IndexFunc(first, func(p *clientv1.Presence) bool { return p.GetUserId() == bob.id.String() })
		if i < 0 || !first[i].GetOnline() || first[1-i].GetUserId() != ann.id.String() || first[1-i].GetOnline() {
			t.Fatalf("at first: %v", first)
		}
		expect := func(what string, online, away bool) {
			t.Helper()
			if p := watcher.presence(); p.GetUserId() != ann.id.String() || p.GetOnline() != online || p.GetAway() != away {
				t.Fatalf("%s: %v", what, p)
			}
		}
		here, _ := one.connect(t, e, ann)
		expect("a tab", true, false)
		there, _ := two.connect(t, e, ann)
		here.send(awayFrame(1, true))
		there.send(awayFrame(1, true))
		expect("away at both", true, true)
		there.send(awayFrame(2, false))
		expect("back at one", true, false)
		_ = there.ws.CloseNow()
		expect("only the other is left", true, true)
		second, _ := two.connect(t, e, ann)
		expect("a new tab", true, false)
		watcher.send(watchFrame(2))
		second.send(awayFrame(1, true))
		if f := watcher.answer(2); f.GetOk() == nil {
			t.Errorf("got %v", f)
		}
		for _, f := range watcher.sync() {
			if f.GetPresence() != nil {
				t.Errorf("told of somebody who is not watched: %v", f)
			}
		}
	})
}

func TestBadWatches(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(cfg *Config) { cfg.FrameRateUser = ratelimit.Rate{Count: 100, Per: 1 << 40} })
	c, _ := g.connect(t, wire.JSON, shared.person())
	many := make([]string, presence.MaxWatched+1)
	for i := range many {
		many[i] = ids.New[ids.User]().String()
	}
	for name, tc := range map[string]struct {
		users []string
		want  fault.Code
	}{
		"too many":   {many, fault.InvalidArgument},
		"not an id":  {[]string{many[0], "ann"}, fault.InvalidArgument},
		"as many as": {many[1:], ""},
		"nobody":     {nil, ""},
	} {
		c.send(watchFrame(7, tc.users...))
		if f := c.answer(7); f.GetError().GetCode() != string(tc.want) || tc.want != "" && f.GetError().GetField() != "watch.userIds" {
			t.Errorf("%s: %v", name, f)
		}
	}
	for range 10 { // new people all the time
		c.send(watchFrame(8, many[1:]...))
		if f := c.answer(8); f.GetError().GetCode() == string(fault.ResourceExhausted) {
			if f.GetError().GetRetryAfterMs() == 0 {
				t.Errorf("got %v", f)
			}
			return
		}
	}
	t.Error("a client can make the gateway ask for as many people as it likes")
}
