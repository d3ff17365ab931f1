package pipeline

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
)

const (
	// maxNaming is how many senders names are looked up for at the same time. When there are more, messages mention only
	// those whose names are known.
	maxNaming = 256
	// maxNames is how many names one request is asked for.
	maxNames = 500
)

// Names knows who has which username. What it returns is by key.
type Names interface {
	// Known is from memory. complete: Find would bring nothing more.
	Known(names []mention.Reading) (users map[string]ids.User, complete bool)
	// Find returns after a moment, whether it knows all or not.
	Find(ctx context.Context, names []mention.Reading) map[string]ids.User
}

// naming finds the users whom requests name before they go to their lanes. One that must wait for that holds up what its
// sender sends to the room after it, and nobody else. What names nobody passes without a lock.
type naming struct {
	names Names
	pass  func(*request) // on to the lane

	held atomic.Int32 // senders that are waited for
	wg   sync.WaitGroup

	mu     sync.Mutex
	behind map[sender][]*request // of those senders: what came since, in order
	closed bool
}

type sender struct {
	room ids.Room
	user ids.User
}

func newNaming(names Names, pass func(*request)) *naming {
	return &naming{names: names, pass: pass, behind: map[sender][]*request{}}
}

// take passes a request on, at once or when its names are known.
func (n *naming) take(r *request) {
	names := r.names()
	if len(names) == 0 && n.held.Load() == 0 {
		n.pass(r)
		return
	}
	who := r.sender()
	n.mu.Lock()
	if queue, waits := n.behind[who]; waits {
		n.behind[who] = append(queue, r)
		n.mu.Unlock()
		return
	}
	users, complete := n.known(names)
	if complete || n.closed || len(n.behind) >= maxNaming {
		n.mu.Unlock()
		r.name(users)
		n.pass(r)
		return
	}
	n.behind[who] = nil
	n.held.Add(1)
	n.wg.Go(func() { n.find(who, r, names) })
	n.mu.Unlock()
}

func (n *naming) known(names []mention.Reading) (map[string]ids.User, bool) {
	if len(names) == 0 {
		return nil, true
	}
	return n.names.Known(names)
}

// find looks names up, and passes the request on, and then those behind it.
func (n *naming) find(who sender, r *request, names []mention.Reading) {
	for r != nil {
		users, complete := n.known(names)
		if !complete {
			users = n.names.Find(context.Background(), names)
		}
		r.name(users)
		n.pass(r)
		if r = n.next(who); r != nil {
			names = r.names()
		}
	}
}

// next is what the sender sent since; nil: nothing, and what comes from now on passes by itself.
func (n *naming) next(who sender) *request {
	n.mu.Lock()
	defer n.mu.Unlock()
	queue := n.behind[who]
	if len(queue) == 0 {
		delete(n.behind, who)
		n.held.Add(-1)
		return nil
	}
	n.behind[who] = queue[1:]
	return queue[0]
}

// close makes everything pass with what is known, and returns when nothing waits any more.
func (n *naming) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	n.wg.Wait()
}

// names are those that users must be found for; nil for most requests.
func (r *request) names() (names []mention.Reading) {
	for _, c := range r.commands {
		if c != nil && len(c.Places) > 0 {
			names = append(names, c.Names()...)
		}
	}
	return names[:min(len(names), maxNames)]
}

// name says who has the names.
func (r *request) name(users map[string]ids.User) {
	for _, c := range r.commands {
		if c != nil && len(c.Places) > 0 {
			c.Users = users
		}
	}
}

// sender is whose request it is: of one gateway's connection, so all its commands are by one user.
func (r *request) sender() sender {
	at := sender{room: r.room}
	for _, c := range r.commands {
		if c != nil {
			at.user = c.Event.Actor.User
		}
	}
	return at
}
