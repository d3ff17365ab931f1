package session

import (
	"errors"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/ratelimit"
)

const (
	// handshakeFrames is how many frames of an address's rate a handshake costs: what it costs the server, about.
	handshakeFrames = 10
	// placePause is when an address with too many connections may try again; nobody knows when one of them ends.
	placePause = 5 * time.Second
	// limitedPause is the least time for which a client that does not heed the limits is sent away.
	limitedPause = 10 * time.Second
)

// refusals is how many refused frames of a connection are answered. The Go client has at most 120 requests under way when
// the first is refused, and then slows down.
var refusals = ratelimit.Rate{Count: 256, Per: 10 * time.Second}

// limits count by user and by client address, over all connections. A user who reconnects goes on with the same bucket.
type limits struct {
	addresses *ratelimit.Buckets // of frames
	users     *ratelimit.Buckets // of frames
	commands  *ratelimit.Buckets // of users

	perAddress int // connections; 0: any number
	mu         sync.Mutex
	places     map[string]int // connections by address

	now func() time.Time
}

func newLimits(cfg Config) (*limits, error) {
	if cfg.CommandsPerSecond <= 0 {
		return nil, errors.New("NATTER_COMMANDS_PER_SECOND must be above 0")
	}
	burst := int(2*cfg.CommandsPerSecond) + 1
	commands := ratelimit.Rate{Count: burst, Per: time.Duration(float64(burst) / cfg.CommandsPerSecond * float64(time.Second))}
	return &limits{
		addresses: ratelimit.NewBuckets(cfg.FrameRateIP), users: ratelimit.NewBuckets(cfg.FrameRateUser), commands: ratelimit.NewBuckets(commands),
		perAddress: int(cfg.ConnectionsPerIP), places: map[string]int{}, now: time.Now,
	}, nil
}

// enter takes a place for a connection from an address; false when it has too many. It is given back with leave.
func (l *limits) enter(address string) bool {
	if l.perAddress == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.places[address] >= l.perAddress {
		return false
	}
	l.places[address]++
	return true
}

func (l *limits) leave(address string) {
	if l.perAddress == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.places[address]--; l.places[address] == 0 {
		delete(l.places, address)
	}
}

// buckets are what a connection draws from. Only its reader uses them.
type buckets struct {
	connection, user, address *ratelimit.Bucket // of frames
	commands                  *ratelimit.Bucket
	refusals                  *ratelimit.Bucket // made when the first frame is refused: few need it
}

// limitBy counts what the connection does as the user's, from now on.
func (s *session) limitBy(user ids.User) {
	key := user.String()
	s.buckets.user, s.buckets.commands = s.srv.limits.users.Of(key), s.srv.limits.commands.Of(key)
}

// allowed counts a frame of whatever kind, and reports whether it is to be handled. If not, it has been answered, and a
// client that goes on sending nevertheless is cut off.
func (s *session) allowed(id uint32) bool {
	now, b := s.srv.limits.now(), &s.buckets
	wait := b.connection.Take(now, 1)
	if wait == 0 {
		wait = b.user.Take(now, 1)
	}
	if wait == 0 {
		wait = b.address.Take(now, 1)
	}
	if wait == 0 {
		return true
	}
	if b.refusals == nil {
		b.refusals = ratelimit.NewBucket(refusals)
	}
	s.srv.metrics.limited.WithLabelValues("frames").Inc()
	if b.refusals.Take(now, 1) > 0 {
		s.end(endLimited(max(wait, limitedPause)))
		return false
	}
	s.fail(id, fault.New(fault.ResourceExhausted, "too many frames at once; wait before you send more").WithRetryAfter(wait))
	return false
}
