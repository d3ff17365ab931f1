package pipeline

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/wire"
)

// republishWithin is how old an event may be that is published again because its sender asked again: the instance that
// stored it may have died before it published it. Who missed an older one has noticed by the beacon.
const republishWithin = time.Minute

// finish publishes what was stored for a room and answers.
func (l *lane) finish(ctx context.Context, rb *roomBatch) {
	in := rb.requests[0].room
	if events := rb.state.Batch(); len(events) > 0 {
		for _, e := range events {
			// Before anybody knows of the head: it would be unread to those who said it, and its mentions not counted.
			l.p.markers.own(e)
			l.p.call(ctx, e)
		}
		l.p.beacon.note(in, rb.state.Head(), rb.state.Members())
		for _, e := range events {
			l.p.publish(ctx, e)
		}
		rb.state.Commit()
	}
	l.republish(ctx, in, rb.republish)
	for _, r := range rb.requests {
		r.answer(l.p)
	}
	if e := l.rooms[in]; e.partial {
		e.state, e.partial = nil, false
		l.load(ctx, in)
	}
}

// publish tells the gateways about an event. A failure costs seconds, not the event: it is in the log, and the beacon
// says so.
func (p *Pipeline) publish(ctx context.Context, e *store.Event) {
	data, err := proto.Marshal(wire.Event(e))
	if err == nil {
		err = p.bus.Publish(subject.RoomEvent(e.Room), data)
	}
	if err != nil {
		p.metrics.unpublished.Inc()
		p.logger.WarnContext(ctx, "event not published; gateways will find it by the beacon", "room", e.Room, "seq", e.Seq, "error", err)
	}
}

// call tells the instances whom a message calls since an event, so that their counts of unread mentions follow. One that
// does not hear it is wrong for some minutes.
func (p *Pipeline) call(ctx context.Context, e *store.Event) {
	c, ok := e.Calling()
	if !ok {
		return
	}
	p.mentions.Changed(c)
	data, err := proto.Marshal(wire.Calling(c))
	if err == nil {
		err = p.bus.Publish(subject.MentionsChanged, data)
	}
	if err != nil {
		p.logger.WarnContext(ctx, "mentions not announced", "room", e.Room, "seq", e.Seq, "error", err)
	}
}

// republish publishes recent events again, each once.
func (l *lane) republish(ctx context.Context, in ids.Room, stored []store.Stored) {
	if len(stored) == 0 {
		return
	}
	recent := l.p.cfg.Now().Add(-republishWithin).UnixMilli()
	slices.SortFunc(stored, func(a, b store.Stored) int { return int(a.Seq) - int(b.Seq) })
	stored = slices.CompactFunc(stored, func(a, b store.Stored) bool { return a.Seq == b.Seq })
	for _, s := range stored {
		if s.CreatedAt < recent {
			continue
		}
		log, err := l.p.log.Events(ctx, in, s.Seq-1, 1, 1)
		if err != nil {
			l.p.logger.WarnContext(ctx, "cannot read an event to publish it again", "room", in, "seq", s.Seq, "error", err)
			continue
		}
		for _, e := range log.Events {
			l.p.publish(ctx, e)
			l.p.call(ctx, e)
		}
	}
}
