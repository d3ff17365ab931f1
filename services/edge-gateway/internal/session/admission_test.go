package session

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestAdmissionPacesAStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inMs := func(d time.Duration) int { return int(d.Round(time.Millisecond).Milliseconds()) }
		a := newAdmission(ratelimit.Rate{Count: 10, Per: time.Second}, 2050*time.Millisecond, nil)
		begin := time.Now()
		var mu sync.Mutex
		var waits, slots, late []int // in ms
		var storm sync.WaitGroup
		for range 40 {
			storm.Go(func() {
				slot, ok := a.admit(t.Context(), 1)
				waited := time.Since(begin)
				if !ok {
					time.Sleep(slot - waited) //nolint:forbidigo // in a bubble
					if _, ok = a.admit(t.Context(), 1); !ok {
						t.Errorf("who came back after %v was sent away again", slot)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if slot == 0 {
					waits = append(waits, inMs(waited))
				} else {
					slots = append(slots, inMs(slot))
					late = append(late, inMs(time.Since(begin)-slot))
				}
			})
		}
		storm.Wait()
		var wantWaits, wantSlots []int // in ms
		for i := range 30 {
			wantWaits = append(wantWaits, max(0, i-9)*100) // 10 at once, and then one each 100 ms
		}
		for i := range 10 {
			wantSlots = append(wantSlots, 2150+100*i) // and so it goes on
		}
		slices.Sort(waits)
		slices.Sort(slots)
		if !slices.Equal(waits, wantWaits) || !slices.Equal(slots, wantSlots) {
			t.Errorf("waited %v, slots %v", waits, slots)
		}
		if slices.Max(late) != 0 {
			t.Errorf("who comes back at the slot waits again: %v", late)
		}
	})
}

func TestAdmissionCountsTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(ratelimit.Rate{Count: 10, Per: 10 * time.Second}, 0, nil)
		for _, tt := range []struct {
			n    int
			slot time.Duration
		}{{6, 0}, {5, 5 * time.Second}, {4, 0}, {0, 0}, {1, 6 * time.Second}, {99, 16 * time.Second}} {
			if slot, ok := a.admit(t.Context(), tt.n); ok != (tt.slot == 0) || slot != tt.slot {
				t.Errorf("%d tokens: %v, in %v; want in %v", tt.n, ok, slot, tt.slot)
			}
		}
		time.Sleep(10 * time.Second) //nolint:forbidigo // in a bubble
		if _, ok := a.admit(t.Context(), 99); !ok {
			t.Error("more than the bucket holds is never admitted")
		}
		off := newAdmission(ratelimit.Rate{}, 0, nil)
		if _, ok := off.admit(t.Context(), 1000); !ok {
			t.Error("no limit limits")
		}
	})
}

func TestSlotsAreNeverFarAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(ratelimit.Rate{Count: 1, Per: time.Second}, 0, nil)
		var slots []time.Duration
		for range 130 {
			slot, _ := a.admit(t.Context(), 1)
			slots = append(slots, slot)
		}
		far := slots[31:] // one was admitted, and there are 30 slots of a second
		if slices.Max(slots) > maxSlot || slices.Min(far) < maxSlot/2 || slices.Max(far)-slices.Min(far) < maxSlot/4 {
			t.Errorf("slots %v", slots)
		}
	})
}

func TestWhoLeavesTheQueueGivesTheTokenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(ratelimit.Rate{Count: 1, Per: 10 * time.Second}, time.Minute, nil)
		a.admit(t.Context(), 1)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, ok := a.admit(ctx, 1); ok {
			t.Error("admitted after the end of its context")
		}
		if _, ok := a.admit(t.Context(), 1); !ok || time.Since(begin) != 10*time.Second {
			t.Errorf("the next one was admitted (%v) after %v", ok, time.Since(begin))
		}
	})
}

// retryAfter is the answer's header, in seconds.
func retryAfter(tb testing.TB, res *http.Response) int {
	tb.Helper()
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil {
		tb.Errorf("%s: Retry-After: %v", res.Status, err)
	}
	return seconds
}

func TestTooManyHandshakes(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) {
		c.AdmissionRate, c.ConnectionsPerIP = ratelimit.Rate{Count: 2, Per: time.Hour}, 5
	})
	g.dial(t, wire.JSON)
	g.dial(t, wire.JSON)
	waits := map[int]bool{}
	for range 20 { // more than there are connections of one address: who is refused takes no place
		if _, res := g.knock(t, ""); res.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("%s, want 503", res.Status)
		} else {
			waits[retryAfter(t, res)] = true
		}
	}
	if waits[0] || len(waits) < 2 {
		t.Errorf("all were told the same: %v", waits)
	}
}

func TestHandshakesWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) {
		c.AdmissionRate, c.AdmissionWait = ratelimit.Rate{Count: 1, Per: 20 * time.Millisecond}, patience
	})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if _, w := g.connect(t, wire.JSON, shared.person()); w == nil {
				t.Error("no welcome")
			}
		})
	}
	all.Wait()
}

func TestDrainEndsTheQueue(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) {
		c.AdmissionRate, c.AdmissionWait, c.ConnectionsPerIP = ratelimit.Rate{Count: 1, Per: time.Hour}, 2*time.Hour, 10
	})
	g.dial(t, wire.JSON)
	refused := make(chan int)
	go func() {
		_, res := g.knock(t, "")
		refused <- res.StatusCode
	}()
	poll(t, "a handshake that waits", func() bool {
		g.srv.limits.mu.Lock()
		defer g.srv.limits.mu.Unlock()
		return g.srv.limits.places["127.0.0.1"] == 2
	})
	if err := g.drain(t.Context()); err != nil {
		t.Error(err)
	}
	if status := <-refused; status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
}

// hasSlot reports whether the frames are a goAway with a slot and an error for request id that says the same.
func hasSlot(all []*clientv1.ServerFrame, id uint32) bool {
	if len(all) != 2 || all[1].GetId() != id || all[1].GetError().GetCode() != "unavailable" {
		return false
	}
	slot, wait := all[0].GetGoAway().GetReconnectAfterMs(), all[1].GetError().GetRetryAfterMs()
	return slot > 0 && time.Duration(slot)*time.Millisecond <= maxSlot+time.Millisecond && wait > 0 && wait <= slot
}

func TestTooManyHellos(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.srv.resumes = newAdmission(ratelimit.Rate{Count: 2, Per: time.Hour}, 0, g.srv.stop)
	p := shared.person()
	forged := g.dial(t, wire.JSON)
	forged.hello(&clientv1.Hello{Token: "x"}) // takes nothing from those who may come in
	forged.closed(closeToken)
	inside := map[wire.Encoding]*client{}
	for _, e := range []wire.Encoding{wire.JSON, wire.Proto} {
		inside[e], _ = g.connect(t, e, p)
	}
	inBoth(t, func(t *testing.T, e wire.Encoding) {
		c := g.dial(t, e)
		c.hello(&clientv1.Hello{Token: p.token(t, time.Hour)})
		if all := c.closed(closeUnavailable); !hasSlot(all, 1) {
			t.Errorf("got %v, want goAway and an error", all)
		}
		g.ended(t, "busy", 1)
		inside[e].sync() // who is in stays
	})
}

func TestLargeResumesAreAdmitted(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.srv.resumes = newAdmission(ratelimit.Rate{Count: 4, Per: time.Hour}, 0, g.srv.stop)
	rooms := func(n int) (list []*clientv1.Cursor) {
		for range n {
			list = append(list, &clientv1.Cursor{RoomId: ids.New[ids.Room]().String(), Seq: 1})
		}
		return list
	}
	resume := func(id uint32, n int) *clientv1.ClientFrame {
		return &clientv1.ClientFrame{Id: id, Frame: &clientv1.ClientFrame_Resume{Resume: &clientv1.Resume{Rooms: rooms(n)}}}
	}
	c, _ := g.connect(t, wire.JSON, shared.person(), rooms(roomsPerToken)...) // two tokens
	for i, n := range []int{1, roomsPerToken - 1, roomsPerToken, roomsPerToken, 1} {
		id := uint32(10 + i)
		c.send(resume(id, n))
		if f := c.answer(id); f.GetOk() == nil {
			t.Fatalf("%d rooms: %v", n, f)
		}
		c.sync() // all of the gones
	}
	c.send(resume(20, roomsPerToken))
	if all := c.closed(closeUnavailable); !hasSlot(all, 20) {
		t.Errorf("got %v, want goAway and an error", all)
	}
}
