package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// roomsPerToken is how many listed rooms cost a token; a hello costs one more. So a resume of a few rooms is free.
const roomsPerToken = 100

// maxSlot bounds how far ahead a client is told to come back. Beyond it the slots are drawn from the last half: so many
// cannot all be served in time, but they need not come in step.
const maxSlot = 30 * time.Second

// errBusy is behind the fault of a hello or resume for which there was no room.
var errBusy = errors.New("too many clients come at once")

// admission paces what is costly, so that a storm is worked off at the rate that the gateway can bear:
//
//	token there ──▶ goes on        token within wait ──▶ waits, then goes on        later ──▶ is told a slot, and goes
//
// The wait bounds how many wait: rate × wait. Slots are given out at the same rate, from the end of the wait on, so that
// those who were sent away come back one after the other. It is safe for concurrent use.
type admission struct {
	tokens   *rate.Limiter // nil: everyone is admitted; reserved under mu
	interval time.Duration // in which a token comes
	wait     time.Duration
	stop     <-chan struct{}

	mu   sync.Mutex
	slot time.Time // the last one that was given out
}

// newAdmission returns an admission that makes nobody wait any more once stop is closed.
func newAdmission(r ratelimit.Rate, wait time.Duration, stop <-chan struct{}) *admission {
	if r.Count == 0 {
		return &admission{}
	}
	interval := r.Per / time.Duration(r.Count)
	return &admission{tokens: rate.NewLimiter(rate.Every(interval), r.Count), interval: interval, wait: wait, stop: stop}
}

// admit takes n tokens, and waits for them if it need not be long. Otherwise, or when ctx ends, it takes none; comeBack is
// when to try again.
func (a *admission) admit(ctx context.Context, n int) (comeBack time.Duration, ok bool) {
	if a.tokens == nil || n == 0 {
		return 0, true
	}
	n = min(n, a.tokens.Burst())
	now := time.Now()
	reserved, slot := a.reserve(now, n)
	if slot > 0 {
		return slot, false
	}
	wait := reserved.DelayFrom(now)
	if wait == 0 {
		return 0, true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.stop: // a gateway that stops sends everyone away; let them go on and hear it
	case <-ctx.Done():
		reserved.Cancel()
		return 0, false
	}
	return 0, true
}

// reserve reserves n tokens, if they will be there within the wait; else slot is in how long there will be n that are
// promised to nobody. One at a time: what others reserved in between could not be given back.
func (a *admission) reserve(now time.Time, n int) (_ *rate.Reservation, slot time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reserved := a.tokens.ReserveN(now, n)
	if reserved.DelayFrom(now) > a.wait {
		reserved.CancelAt(now)
		return nil, a.nextSlot(now, n)
	}
	return reserved, 0
}

// nextSlot gives out the next slot. mu is held.
func (a *admission) nextSlot(now time.Time, n int) time.Duration {
	slot := now.Add(a.wait)
	if a.slot.After(slot) {
		slot = a.slot
	}
	slot = slot.Add(time.Duration(n) * a.interval)
	if slot.Sub(now) > maxSlot {
		return maxSlot - rand.N(maxSlot/2)
	}
	a.slot = slot
	return slot.Sub(now)
}

// admitHandshake lets a client of an address connect: if the address has not too many connections, does not come too often,
// and the gateway has time for it. Otherwise it answers. Whoever is admitted gives the place back with limits.leave.
func (s *Server) admitHandshake(w http.ResponseWriter, r *http.Request, address string) bool {
	if wait := s.limits.addresses.Of(address).Take(s.limits.now(), handshakeFrames); wait > 0 {
		s.metrics.limited.WithLabelValues("handshakes_per_ip").Inc()
		refuse(w, http.StatusTooManyRequests, wait, "too many connections were opened from this address; try again later")
		return false
	}
	if !s.limits.enter(address) {
		s.metrics.limited.WithLabelValues("connections_per_ip").Inc()
		s.tooMany.Do(func() {
			s.log.Warn("an address has too many connections: raise NATTER_CONNECTIONS_PER_IP, or name your proxies in NATTER_HTTP_TRUSTED_PROXIES",
				"address", address, "limit", int(s.cfg.ConnectionsPerIP))
		})
		refuse(w, http.StatusTooManyRequests, placePause, "too many connections from this address; close some")
		return false
	}
	comeBack, ok := s.handshakes.admit(r.Context(), 1)
	if !ok {
		s.limits.leave(address)
		s.metrics.limited.WithLabelValues("handshake_admission").Inc()
		refuse(w, http.StatusServiceUnavailable, comeBack, "too many clients connect at once; try again later")
	}
	return ok
}

// refuse answers a handshake. Retry-After has whole seconds only: it is rounded up, those of the same wait differently.
func refuse(w http.ResponseWriter, status int, wait time.Duration, message string) {
	seconds := int64((wait+rand.N(time.Second))/time.Second) + 1
	w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	http.Error(w, message, status)
}

// admit waits until there is room for a hello or resume that costs n tokens. If that would take too long, the client is told
// with goAway when to come back, and the connection is to be ended with the error.
func (s *session) admit(n int) error {
	comeBack, ok := s.srv.resumes.admit(s.ctx, n)
	if ok {
		return nil
	}
	s.srv.metrics.limited.WithLabelValues("resume_admission").Inc()
	s.send(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_GoAway{GoAway: &clientv1.GoAway{
		ReconnectAfterMs: uint32(comeBack.Milliseconds()) + 1,
	}}})
	return fault.New(fault.Unavailable, "too many clients come back at once; reconnect and resume").
		WithRetryAfter(comeBack).WithCause("admit", errBusy)
}
