package scenario

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// bannedUnderFire: while everybody writes, the banned user too, on both gateways, a ban ends it at one place of the log:
// nothing of them follows it, and nothing that follows it reaches a socket of theirs.
func bannedUnderFire(t *testing.T, s *system) {
	ada, bob := newPerson(t, s.gatewayURL(0), "ada"), newPerson(t, s.gatewayURL(1), "bob")
	room := ada.newRoom(t, bob)
	var adas, bobs []*device
	for i := range 2 {
		adas = append(adas, ada.at(t, s.gatewayURL(i)))
		bobs = append(bobs, bob.at(t, s.gatewayURL(i)))
	}
	var writers, warm sync.WaitGroup
	over := make(chan struct{})
	for i := range 2 {
		adas[i].knows(room)
		bobs[i].knows(room)
		warm.Add(2)
		writers.Go(func() {
			adas[i].say(room, "hi")
			warm.Done()
			for open := true; open; {
				adas[i].say(room, "still here")
				select {
				case <-over:
					open = false
				default:
				}
			}
		})
		writers.Go(func() {
			bobs[i].say(room, "spam")
			warm.Done()
			for n := 0; ; n++ {
				if _, err := bobs[i].Send(t.Context(), room, fmt.Sprint("spam ", n)); err != nil {
					if fault.CodeOf(err) != fault.PermissionDenied {
						t.Errorf("bob was refused with %v", err)
					}
					return
				}
			}
		})
	}
	warm.Wait()
	if _, err := ada.Ban(t.Context(), room, bob.id, "spam", 0); err != nil {
		t.Fatal(err)
	}
	banned := time.Now()
	for _, b := range bobs {
		item(b, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
	}
	if took := time.Since(banned); os.Getenv("NATTER_TEST_HEAVY") != "" && took > time.Second {
		t.Errorf("gone came %s after the ban", took)
	}
	close(over)
	writers.Wait()

	var end uint32
	last := adas[0].say(room, "it is quiet").GetSeq()
	adas[0].event(room, last)
	for _, ev := range adas[0].got(room) {
		if left := ev.GetMemberLeft(); left.GetUser().GetId() == bob.id {
			end = ev.GetSeq()
			if left.GetReason() != "banned" || left.GetNote() != "spam" {
				t.Errorf("the ban: %v", ev)
			}
		}
		if end > 0 && ev.GetSeq() > end && ev.GetActor().GetUserId() == bob.id {
			t.Errorf("after the ban at %d: %v", end, ev)
		}
	}
	if end == 0 || end >= last {
		t.Fatalf("the ban is at %d, the last message at %d", end, last)
	}
	for i, b := range bobs {
		if got := b.got(room); len(got) > 0 && got[len(got)-1].GetSeq() > end {
			t.Errorf("gateway %d: bob got %v, after the ban at %d", i, got[len(got)-1], end)
		}
		if _, err := b.Send(t.Context(), room, "again"); fault.CodeOf(err) != fault.PermissionDenied {
			t.Errorf("gateway %d: bob writes again: %v", i, err)
		}
	}
}

// at connects a device of a person to a gateway.
func (p *person) at(t *testing.T, url string) *device {
	t.Helper()
	api, err := client.New(url, client.Options{Token: client.PasswordToken(url, p.email, password, client.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	there := *p
	there.Client = api
	return there.connect(t, client.ConnOptions{})
}
