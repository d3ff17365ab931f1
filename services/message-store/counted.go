package messagestore

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/obs"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// counted is an engine that counts how often it is read: when many people come back at once it should be seldom.
type counted struct {
	engine
	heads, events, messages, nonces, targets, markers, mentions prometheus.Counter
}

func count(e engine, reg prometheus.Registerer) (*counted, error) {
	reads, err := obs.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "natter_message_store_store_reads_total", Help: "Queries to the database, by what they read.",
	}, []string{"what"}))
	if err != nil {
		return nil, err
	}
	of := func(what string) prometheus.Counter { return reads.WithLabelValues(what) }
	return &counted{
		engine: e, heads: of("heads"), events: of("events"), messages: of("messages"), nonces: of("nonces"), targets: of("targets"),
		markers: of("markers"), mentions: of("mentions"),
	}, nil
}

func (c *counted) Heads(ctx context.Context, rooms []ids.Room) (map[ids.Room]store.Head, error) {
	c.heads.Inc()
	return c.engine.Heads(ctx, rooms)
}

func (c *counted) Events(ctx context.Context, room ids.Room, after uint32, limit, maxBytes int) (store.Log, error) {
	c.events.Inc()
	return c.engine.Events(ctx, room, after, limit, maxBytes)
}

func (c *counted) MessagesBefore(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.MessagesBefore(ctx, room, before, limit)
}

func (c *counted) MessagesAfter(ctx context.Context, room ids.Room, after uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.MessagesAfter(ctx, room, after, limit)
}

func (c *counted) RepliesBefore(ctx context.Context, root store.Ref, before uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.RepliesBefore(ctx, root, before, limit)
}

func (c *counted) RepliesAfter(ctx context.Context, root store.Ref, after uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.RepliesAfter(ctx, root, after, limit)
}

func (c *counted) Threads(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.Threads(ctx, room, before, limit)
}

func (c *counted) FindNonces(ctx context.Context, keys []store.NonceKey) (map[store.NonceKey]store.Stored, error) {
	c.nonces.Inc()
	return c.engine.FindNonces(ctx, keys)
}

func (c *counted) Targets(ctx context.Context, refs []store.Ref) (map[store.Ref]*store.Message, error) {
	c.targets.Inc()
	return c.engine.Targets(ctx, refs)
}

func (c *counted) Pins(ctx context.Context, room ids.Room, before uint32, limit int) (store.Page, error) {
	c.messages.Inc()
	return c.engine.Pins(ctx, room, before, limit)
}

func (c *counted) Changes(ctx context.Context, room ids.Room, after, before uint32, limit int) ([]*store.Event, error) {
	c.events.Inc()
	return c.engine.Changes(ctx, room, after, before, limit)
}

func (c *counted) EventsAt(ctx context.Context, room ids.Room, seqs []uint32) ([]*store.Event, error) {
	c.events.Inc()
	return c.engine.EventsAt(ctx, room, seqs)
}

func (c *counted) Markers(ctx context.Context, readers []store.Reader) (map[store.Reader]store.Marker, error) {
	c.markers.Inc()
	return c.engine.Markers(ctx, readers)
}

func (c *counted) LastCalls(ctx context.Context, rooms []ids.Room) (map[ids.Room]uint32, error) {
	c.mentions.Inc()
	return c.engine.LastCalls(ctx, rooms)
}

func (c *counted) UnreadMentions(ctx context.Context, readers []store.Unread) (map[store.Reader][]uint32, error) {
	c.mentions.Inc()
	return c.engine.UnreadMentions(ctx, readers)
}

func (c *counted) Mentions(ctx context.Context, user ids.User, rooms []ids.Room, before store.MentionAt, limit int) ([]store.MentionAt, error) {
	c.mentions.Inc()
	return c.engine.Mentions(ctx, user, rooms, before, limit)
}

func (c *counted) FollowedThreads(ctx context.Context, user ids.User, before store.ThreadAt, limit int) ([]store.ThreadAt, error) {
	c.markers.Inc()
	return c.engine.FollowedThreads(ctx, user, before, limit)
}

// watched is an engine of which the moves of markers are remembered, and whose appends the search hears of.
type watched struct {
	*counted
	markers interface {
		MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error)
	}
	search interface {
		Appended(batches []store.Batch)
	}
}

func (w watched) MoveMarkers(ctx context.Context, moves []store.Move) ([]store.Moved, error) {
	return w.markers.MoveMarkers(ctx, moves)
}

func (w watched) Append(ctx context.Context, batches []store.Batch) []error {
	outcomes := w.counted.Append(ctx, batches)
	w.search.Appended(batches) // also what may not be stored: it looks
	return outcomes
}
