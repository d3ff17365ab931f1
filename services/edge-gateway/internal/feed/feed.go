package feed

import (
	"context"
	"sync"
	"time"

	"github.com/natter-chat/natter/pkg/ids"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Member is a connection, as a feed sees it.
type Member interface {
	User() ids.User
	// Enqueue hands over a frame. It never blocks: a connection that cannot take it is closed.
	Enqueue(f *Frame)
	// EnqueuePaced hands over a frame when at most half of the queue is taken: it never closes a connection. It fails when
	// ctx or the connection ends.
	EnqueuePaced(ctx context.Context, f *Frame) error
	// Drained returns when at most half of the queue is taken, or when ctx or the connection ends.
	Drained(ctx context.Context) error
	// Left tells that the user is no longer in the room and that nothing more of it follows.
	Left(room ids.Room)
	// Deleted tells that there is no such room any more.
	Deleted(room ids.Room)
}

// feed is one room with local members. It delivers the room's events to them in seq order, each once, whatever the bus
// loses, repeats or swaps. Lock order: feed.mu → the member's own.
type feed struct {
	room ids.Room
	hub  *Hub

	mu      sync.Mutex
	last    uint32 // seq of the last event delivered; before that: of the head when the feed started
	want    uint32 // the highest seq that is known to exist
	isLive  bool   // the head is known: events are delivered
	isGone  bool   // the last event has been delivered: the room was deleted
	repair  bool   // a repair is under way
	ring    ring
	members map[Member]struct{}
	removed map[ids.User]removal // who left or was removed in the last minute
	idle    time.Time            // when the last member went
}

// removal is when a user left the room: in the log, and on our clock.
type removal struct {
	seq uint32
	at  time.Time
}

func newFeed(h *Hub, room ids.Room) *feed {
	return &feed{
		room: room, hub: h, members: map[Member]struct{}{}, removed: map[ids.User]removal{},
		ring: ring{maxCount: h.cfg.RingEvents, maxSize: int(h.cfg.RingBytes)}, idle: time.Now(),
	}
}

// start makes the feed live at this head, once; later calls only raise what is wanted.
func (f *feed) start(head uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isLive {
		f.last, f.isLive = head, true
	}
	f.wantLocked(head)
}

// notice tells that an event of this seq exists: from a beacon, a head, or an event that came too early.
func (f *feed) notice(seq uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wantLocked(seq)
}

// wantLocked starts a repair when something is missing. f.mu is held.
func (f *feed) wantLocked(seq uint32) {
	f.want = max(f.want, seq)
	if f.isLive && f.want > f.last && !f.repair {
		f.repair = true
		f.hub.metrics.gaps.Inc()
		f.hub.wg.Go(f.fill)
	}
}

func (f *feed) isStarted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.isLive
}

// behind reports whether the feed has not delivered this seq yet.
func (f *feed) behind(seq uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last < seq
}

// touch counts as use: an idle feed is not swept in the next minute.
func (f *feed) touch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isGone {
		f.idle = time.Now()
	}
}

// receive takes an event off the bus.
func (f *feed) receive(ev *chatv1.Event, raw []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isLive && ev.GetSeq() == f.last+1 {
		f.deliver(ev, newEventFrame(ev, raw))
	}
	f.wantLocked(ev.GetSeq())
}

// fill fetches what is missing until nothing is; one runs per feed. Events that arrive meanwhile and fit are delivered
// by receive; those that do not only raise what is wanted.
func (f *feed) fill() {
	const firstPause, lastPause = 50 * time.Millisecond, 2 * time.Second
	wait := firstPause
	for {
		f.mu.Lock()
		after, done := f.last, f.last >= f.want
		f.repair = !done
		f.mu.Unlock()
		if done {
			return
		}
		events, err := f.hub.fetch(f.room, after)
		if err == nil && f.take(events) > 0 {
			wait = firstPause
			continue
		}
		// Nothing came: the store is away, or a replica is behind what the bus announced.
		if err != nil {
			f.hub.log.Warn("cannot fill a gap; trying again", "room", f.room, "after", after, "error", err)
		}
		if pause(f.hub.ctx, wait) != nil {
			return
		}
		wait = min(2*wait, lastPause)
	}
}

// take delivers those of the fetched events that continue the feed, and returns how many did.
func (f *feed) take(events []*chatv1.Event) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ev := range events {
		switch {
		case ev.GetSeq() == f.last+1:
			f.deliver(ev, newEventFrame(ev, nil))
			n++
		case ev.GetSeq() <= f.last:
			n++ // receive was faster: that is progress too
		}
	}
	return n
}

// deliver gives the next event to every member. f.mu is held and ev.Seq is f.last+1.
func (f *feed) deliver(ev *chatv1.Event, frame *Frame) {
	f.last = ev.GetSeq()
	f.ring.push(f.last, frame)
	if del := ev.GetDeleted(); del != nil {
		f.ring.blank(del.GetSeq())
	}
	for m := range f.members {
		m.Enqueue(frame)
	}
	f.hub.metrics.deliveries.Add(float64(len(f.members)))
	if joined, err := ids.ParseUser(ev.GetMemberJoined().GetUser().GetId()); err == nil {
		delete(f.removed, joined)
	}
	if left, err := ids.ParseUser(ev.GetMemberLeft().GetUser().GetId()); err == nil {
		f.removeUser(left)
	}
	if ev.GetRoomUpdated().GetIsDeleted() {
		f.end()
	}
}

// end takes everybody out of a room that was deleted, and what was said in it out of memory, queues included. The feed
// itself is closed by the next sweep. f.mu is held.
func (f *feed) end() {
	f.isGone, f.idle = true, time.Time{}
	f.ring.blankAll()
	f.ring = ring{}
	for m := range f.members {
		delete(f.members, m)
		m.Deleted(f.room)
	}
}

// removeUser ends the membership of a user's connections, also of those that are being set up right now. f.mu is held.
func (f *feed) removeUser(user ids.User) {
	f.removed[user] = removal{f.last, time.Now()}
	for m := range f.members {
		if m.User() == user {
			f.drop(m)
			m.Left(f.room)
		}
	}
}

// drop takes a member out. f.mu is held.
func (f *feed) drop(m Member) {
	if _, ok := f.members[m]; !ok {
		return
	}
	delete(f.members, m)
	if len(f.members) == 0 {
		f.idle = time.Now()
	}
}

// signal gives a typing signal or a receipt to the members, but for the user it comes from.
func (f *feed) signal(from ids.User, frame *Frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for m := range f.members {
		if m.User() != from {
			m.Enqueue(frame)
		}
	}
}

// forget drops old removals, and reports whether the feed has been without members for too long to be kept.
func (f *feed) forget(now time.Time, keepIdle time.Duration) bool {
	const rememberRemoved = time.Minute
	f.mu.Lock()
	defer f.mu.Unlock()
	for user, r := range f.removed {
		if now.Sub(r.at) > rememberRemoved {
			delete(f.removed, user)
		}
	}
	return len(f.members) == 0 && now.Sub(f.idle) > keepIdle
}

func caughtUp(room ids.Room, seq uint32) *Frame {
	return NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_CaughtUp{
		CaughtUp: &clientv1.CaughtUp{RoomId: room.String(), Seq: seq},
	}})
}

func reset(room ids.Room, head uint32) *Frame {
	return NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Reset_{
		Reset_: &clientv1.Reset{RoomId: room.String(), HeadSeq: head},
	}})
}
