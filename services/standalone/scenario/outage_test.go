package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
)

// Each thing that Natter stands on goes away and comes back: /readyz says which, sends are answered with unavailable and
// when to try again, nothing acked is lost, and everything recovers by itself.
func TestOutages(t *testing.T) {
	t.Parallel()
	s := startApart(t)
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	room := ada.newRoom(t, bob)
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{})
	before := a.say(room, "before")
	b.event(room, before.GetSeq())

	for _, outage := range []struct {
		wire, check string
		processes   []*process
		sends       bool // sends go on: the hot path does not need it
	}{
		{"mongo", "mongodb", s.stores, false},
		{"nats", "nats", s.processes, false},
		{"postgres", "postgres", s.processes[:2], true},
	} {
		t.Run(outage.wire, func(t *testing.T) {
			s.wires[outage.wire].setCut(true)
			for _, p := range outage.processes {
				eventually(t, p.name+" says what is away", func() error {
					status, body := p.get(t.Context(), "/readyz")
					var ready struct{ Checks map[string]string }
					_ = json.Unmarshal([]byte(body), &ready)
					for name, says := range ready.Checks {
						if status == 503 && strings.HasSuffix(name, outage.check) && says != "ok" {
							return nil
						}
					}
					return fmt.Errorf("%d %s", status, body)
				})
			}
			pending, err := a.SendAsync(room, "during "+outage.wire)
			if err != nil {
				t.Fatal(err)
			}
			if !outage.sends {
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second) // more than one budget of the gateway
				_, err = pending.Wait(ctx)
				cancel()
				if err == nil {
					t.Errorf("a send was acked while %s was away", outage.wire)
				}
				if _, err := ada.Messages(t.Context(), room, client.Which{}); fault.CodeOf(err) != fault.Unavailable {
					t.Errorf("history while %s is away: %v", outage.wire, err)
				}
			}
			s.wires[outage.wire].setCut(false)
			ack, err := pending.Wait(t.Context())
			if err != nil {
				t.Fatalf("the send did not recover: %v", err)
			}
			b.event(room, ack.GetSeq())
			for _, p := range s.processes {
				p.waitReady(t)
			}
		})
	}
	for _, m := range a.history(room) {
		t.Logf("%d %s", m.GetSeq(), m.GetContent())
	}
	if n := len(a.history(room)); n != 4 {
		t.Errorf("%d messages, want 4", n)
	}
}
