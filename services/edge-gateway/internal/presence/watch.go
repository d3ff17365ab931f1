package presence

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"

	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

const (
	// MaxWatched is how many users one connection may watch.
	MaxWatched = 200
	// perQuery is how many users one question is about.
	perQuery = 500
	// answersWithin is how long a question waits for a gateway that does not answer.
	answersWithin = 300 * time.Millisecond
	// statusWithin is how long a user's status is waited for.
	statusWithin = 2 * time.Second
)

// Standing is what auth knows of a user.
type Standing struct {
	Status   *chatv1.Status
	LastSeen time.Time // zero: unknown
}

// Standings is auth: what it knows of users, and what it is to note; at most 500 of them at a time.
type Standings interface {
	Standings(context.Context, []ids.User) (map[ids.User]Standing, error)
	RecordSeen(context.Context, map[ids.User]time.Time) error
}

// Watch replaces the set of users that a watcher is told of; with none it watches nobody. What is known of those it did not
// watch before it is told at once, the rest as soon as the gateways have answered.
func (p *Presence) Watch(by Watcher, users []ids.User) error {
	next := make(map[ids.User]struct{}, len(users))
	for _, id := range users {
		next[id] = struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.table
	before := t.watching[by]
	for id := range before {
		if _, still := next[id]; !still {
			t.drop(id, by)
		}
	}
	if len(next) == 0 {
		delete(t.watching, by)
		return nil
	}
	t.watching[by] = next
	for id := range next {
		if _, already := before[id]; already {
			continue
		}
		w := t.users[id]
		if w == nil {
			sub, err := p.nc.ChanSubscribe(subject.Presence(id), p.changes)
			if err != nil {
				delete(next, id)
				return err // the bus is closing
			}
			w = &watched{id: id, sub: sub, watchers: map[Watcher]struct{}{}, said: map[string]said{}}
			t.users[id] = w
			t.unknown[id] = struct{}{}
		}
		w.watchers[by] = struct{}{}
		if w.told != nil {
			by.Enqueue(frameOf(w.told))
		}
	}
	p.wake()
	return nil
}

// drop ends that somebody watches a user.
func (t *table) drop(id ids.User, by Watcher) {
	w := t.users[id]
	delete(w.watchers, by)
	if len(w.watchers) > 0 {
		return
	}
	_ = w.sub.Unsubscribe() // fails when the bus is closed, which ends it too
	delete(t.users, id)
	delete(t.leaving, id)
	delete(t.unknown, id)
}

// Resync asks again for everybody who is watched: changes may have been lost.
func (p *Presence) Resync() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.table.users {
		p.table.unknown[id] = struct{}{}
	}
	p.wake()
}

func (p *Presence) wake() {
	if len(p.table.unknown) == 0 {
		return
	}
	select {
	case p.ask <- struct{}{}:
	default: // it is awake
	}
}

// runAsk asks for unknown users, many at a time and one question after the other: that paces it.
func (p *Presence) runAsk(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.ask:
		}
		for users := p.takeUnknown(); len(users) > 0; users = p.takeUnknown() {
			if err := p.query(ctx, users); err != nil && ctx.Err() == nil {
				p.log.Warn("presence is not known; asking again later", "error", err)
			}
		}
	}
}

func (p *Presence) takeUnknown() (users []ids.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.table.unknown {
		if len(users) == perQuery {
			break
		}
		users = append(users, id)
		delete(p.table.unknown, id)
	}
	return users
}

// query asks all gateways for users until all the living have answered or time is up, and auth for their status. Who is not
// answered for is offline: a gateway that is too slow is heard at the next change, or asked again a minute later.
func (p *Presence) query(ctx context.Context, users []ids.User) error {
	question := &busv1.PresenceQuery{}
	for _, id := range users {
		question.UserIds = append(question.UserIds, id.String())
	}
	data, err := proto.Marshal(question)
	if err != nil {
		return err
	}
	asked := time.Now()
	answers, err := p.gather(ctx, data)
	standing, statusErr := p.standing(ctx, users)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range answers {
		p.table.apply(a, users, now)
	}
	for _, id := range users {
		w := p.table.users[id]
		if w == nil {
			continue
		}
		if s, ok := standing[id]; ok {
			w.lastSeen = latest(w.lastSeen, s.LastSeen)
			if w.statusAt.Before(asked) { // else it may be older than what is known
				w.status = s.Status
			}
		}
		w.isKnown = true
		p.table.settle(w, now, p.times.linger)
	}
	if err != nil {
		return err
	}
	return statusErr
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// gather asks and collects answers. The subscriptions to changes were made before on the same connection, so no change
// falls between an answer and them.
func (p *Presence) gather(ctx context.Context, question []byte) (answers []*busv1.PresenceSnapshot, err error) {
	inbox := p.nc.NewInbox()
	replies := make(chan *nats.Msg, incoming)
	sub, err := p.nc.ChanSubscribe(inbox, replies)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails when the bus is closed, which ends it too
	if err := p.nc.PublishRequest(subject.PresenceQuery, inbox, question); err != nil {
		return nil, err
	}
	patience := time.NewTimer(answersWithin)
	defer patience.Stop()
	silent := p.living()
	isNew := time.Since(p.started) < 2*p.times.beat // there may be gateways of which it has not heard yet
	for len(silent) > 0 || isNew {
		select {
		case <-ctx.Done():
			return answers, ctx.Err()
		case <-patience.C:
			return answers, nil
		case m := <-replies:
			var a busv1.PresenceSnapshot
			if err := proto.Unmarshal(m.Data, &a); err != nil {
				return answers, err
			}
			answers = append(answers, &a)
			silent = slices.DeleteFunc(silent, func(g string) bool { return g == a.GetGatewayId() })
		}
	}
	return answers, nil
}

func (p *Presence) living() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	living := []string{p.self}
	for g := range p.table.gateways {
		if g != p.self {
			living = append(living, g)
		}
	}
	return living
}

// standing asks auth. Without it presence works, but for statuses.
func (p *Presence) standing(ctx context.Context, users []ids.User) (map[ids.User]Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	return p.standings.Standings(ctx, users)
}

// apply takes a gateway's answer on these users: who is not in it was not there as of its counter.
func (t *table) apply(a *busv1.PresenceSnapshot, users []ids.User, now time.Time) {
	there := make(map[string]*busv1.PresenceChanged, len(a.GetOnline()))
	for _, c := range a.GetOnline() {
		there[c.GetUserId()] = c
	}
	for _, id := range users {
		w := t.users[id]
		if w == nil {
			continue
		}
		if c := there[id.String()]; c != nil {
			t.take(w, a.GetGatewayId(), said{stateOf(c), c.GetCounter()}, now)
		} else if before, ok := w.said[a.GetGatewayId()]; ok && before.counter <= a.GetCounter() {
			w.said[a.GetGatewayId()] = said{Offline, a.GetCounter()}
		}
	}
}
