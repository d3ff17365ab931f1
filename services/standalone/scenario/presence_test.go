package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// presences returns what a device was told of a user, the oldest first.
func (d *device) presences(id string) (all []*clientv1.Presence) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, item := range d.other {
		if p, ok := item.(*clientv1.Presence); ok && p.GetUserId() == id {
			all = append(all, p)
		}
	}
	return all
}

// sees waits until the last that a device was told of a user is so.
func (d *device) sees(what, id string, is func(*clientv1.Presence) bool) *clientv1.Presence {
	d.t.Helper()
	var last *clientv1.Presence
	d.until(what, func() bool {
		for _, item := range d.other {
			if p, ok := item.(*clientv1.Presence); ok && p.GetUserId() == id {
				last = p
			}
		}
		return last != nil && is(last)
	})
	return last
}

func isOnline(p *clientv1.Presence) bool  { return p.GetOnline() && !p.GetAway() }
func isAway(p *clientv1.Presence) bool    { return p.GetOnline() && p.GetAway() }
func isOffline(p *clientv1.Presence) bool { return !p.GetOnline() }

// Somebody with a tab on each gateway is there until the last one closes, and what they say of themselves is seen at once.
func TestPresence(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(0), "bob")
		watcher := bob.connect(t, client.ConnOptions{})
		watcher.Watch(ada.id, bob.id)
		watcher.sees("bob there", bob.id, isOnline)
		watcher.sees("ada not there", ada.id, func(p *clientv1.Presence) bool { return isOffline(p) && p.GetLastSeen() == nil })

		one := ada.connect(t, client.ConnOptions{})
		watcher.sees("ada there", ada.id, isOnline)
		elsewhere, err := client.New(s.gatewayURL(1), client.Options{Token: client.PasswordToken(s.gatewayURL(1), ada.email, password, client.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		two := (&person{Client: elsewhere, id: ada.id, name: ada.name}).connect(t, client.ConnOptions{})
		one.Away(true)
		two.Away(true)
		watcher.sees("ada away", ada.id, isAway)
		one.Close()
		two.Away(false)
		watcher.sees("ada back", ada.id, isOnline)

		b := signInBrowser(t, s.gatewayURL(1), ada)
		if status, answer, _ := b.do("PUT", "/auth/me/status", `{"text":"in a meeting","emoji":"📅","doNotDisturb":true,"expiresInSeconds":3600}`); status != 200 {
			t.Fatalf("status: %d %v", status, answer)
		}
		watcher.sees("ada's status", ada.id, func(p *clientv1.Presence) bool {
			return isOnline(p) && p.GetStatus().GetEmoji() == "📅" && p.GetStatus().GetDoNotDisturb()
		})
		two.Close()
		seen := watcher.sees("ada gone", ada.id, isOffline).GetLastSeen()
		if ago := time.Since(seen.AsTime()); seen == nil || ago < 0 || ago > patience {
			t.Errorf("ada was last seen %v", seen)
		}
		eventually(t, "who comes later knows when ada was last seen", func() error {
			later := bob.connect(t, client.ConnOptions{})
			defer later.Close()
			later.Watch(ada.id)
			if p := later.sees("ada", ada.id, isOffline); p.GetLastSeen() == nil || p.GetStatus().GetText() != "in a meeting" {
				return fmt.Errorf("got %v", p)
			}
			return nil
		})
	})
}

// When a gateway is killed, its users are offline everywhere 10 s later, unless they came back through another one: then
// nobody sees them go. Nor does anybody when a gateway is restarted.
func TestPresenceWithoutAGateway(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	ada, cid, bob := newPerson(t, s.gatewayURL(1), "ada"), newPerson(t, s.url, "cid"), newPerson(t, s.gatewayURL(0), "bob")
	watcher := bob.connect(t, client.ConnOptions{})
	watcher.Watch(ada.id, cid.id)
	stays := ada.connect(t, client.ConnOptions{})
	for range 4 { // the load balancer sends at least one of them to each gateway
		cid.connect(t, client.ConnOptions{})
	}
	watcher.sees("ada there", ada.id, isOnline)
	watcher.sees("cid there", cid.id, isOnline)
	told := len(watcher.presences(cid.id))

	s.gateways[1].terminate()
	s.gateways[1].start(t)
	stays.until("to be back", func() bool { return stays.back.After(stays.lost) && !stays.lost.IsZero() })
	killed := time.Now()
	s.gateways[1].kill()
	watcher.sees("ada gone", ada.id, isOffline)
	t.Logf("offline %.1f s after the gateway was killed", time.Since(killed).Seconds())
	for _, p := range watcher.presences(cid.id)[told:] {
		t.Errorf("cid, who always had a connection or was back at once: %v", p)
	}
	s.gateways[1].start(t)
	watcher.sees("ada there again", ada.id, isOnline)
}
