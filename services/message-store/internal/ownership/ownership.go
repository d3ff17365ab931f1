// Package ownership agrees with the other instances of message-store on who owns which partition: rendezvous hashing
// over those that are alive. Ownership is an optimisation: two instances that both believe they own a room only cost
// each other retries.
package ownership

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

const (
	// Kind is the last token of the heartbeats' subject.
	Kind = "message-store"
	// heartbeatEvery is part of the protocol of the bus.
	heartbeatEvery = 500 * time.Millisecond
	// deadAfter is how long an instance is missed before its partitions are taken over: four heartbeats.
	deadAfter = 2 * time.Second
	// introduction is how long a new instance waits for the others to answer its first heartbeat, before it takes over
	// partitions. Too short costs a second change, nothing else.
	introduction = 50 * time.Millisecond
)

// Change says which partitions an instance owns from now on, and which no more. An error is logged and the change asked
// for again with the next heartbeat.
type Change func(gained, lost []int) error

// Ownership is an instance among the others.
type Ownership struct {
	nc     *nats.Conn
	self   ids.Instance
	change Change
	log    *slog.Logger
	sub    *nats.Subscription
	heard  chan *busv1.Heartbeat
	cancel context.CancelFunc
	done   sync.WaitGroup

	// owned has a bit per partition; settled is when it changed last, in milliseconds since 1970.
	owned   atomic.Uint64
	settled atomic.Int64
	// seen is when each of the others was heard last. Only run touches it.
	seen map[string]time.Time
}

// Start announces the instance, waits a moment for the others, and calls change with the partitions it owns before it
// returns; after that from a goroutine of its own, one call at a time.
func Start(ctx context.Context, nc *nats.Conn, self ids.Instance, change Change, log *slog.Logger) (*Ownership, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &Ownership{
		nc: nc, self: self, change: change, log: log, cancel: cancel, heard: make(chan *busv1.Heartbeat, 256), seen: map[string]time.Time{},
	}
	var err error
	o.sub, err = nc.Subscribe(subject.Live(Kind), func(m *nats.Msg) {
		var h busv1.Heartbeat
		if proto.Unmarshal(m.Data, &h) != nil {
			return
		}
		select {
		case o.heard <- &h:
		case <-run.Done():
		}
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to heartbeats: %w", err)
	}
	o.beat(false)
	o.introduce(ctx)
	if err := o.reassign(); err != nil {
		return nil, fmt.Errorf("take over partitions: %w", err)
	}
	o.done.Go(func() { o.run(run) })
	return o, nil
}

// introduce listens for a moment.
func (o *Ownership) introduce(ctx context.Context) {
	moment := time.NewTimer(introduction)
	defer moment.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-moment.C:
			return
		case h := <-o.heard:
			o.hear(h)
		}
	}
}

// Owns reports whether this instance owns a partition, and has for at least this long.
func (o *Ownership) Owns(partition int, atLeast time.Duration) bool {
	return o.owned.Load()&(1<<partition) != 0 && time.Since(time.UnixMilli(o.settled.Load())) >= atLeast
}

// Count is how many partitions this instance owns.
func (o *Ownership) Count() int { return bits.OnesCount64(o.owned.Load()) }

// Leave tells the others that this instance goes, so that they take over at once, and returns when no change is called
// any more. The caller then gives up what it owned.
func (o *Ownership) Leave() {
	o.cancel()
	o.done.Wait()
	o.beat(true)
	_ = o.sub.Unsubscribe() // the connection ends next
}

func (o *Ownership) run(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-o.heard:
			if !o.hear(h) {
				continue
			}
		case <-tick.C:
			o.beat(false)
			o.bury()
		}
		if err := o.reassign(); err != nil {
			o.log.WarnContext(ctx, "cannot take over partitions; trying again", "error", err)
		}
	}
}

// beat publishes a heartbeat. One that is lost is followed by the next.
func (o *Ownership) beat(leaving bool) {
	if data, err := proto.Marshal(&busv1.Heartbeat{InstanceId: o.self.String(), Leaving: leaving}); err == nil {
		_ = o.nc.Publish(subject.Live(Kind), data)
	}
}

// hear takes a heartbeat and reports whether the set of the living changed. A newcomer is answered at once, so that it
// knows the others before it takes anything over.
func (o *Ownership) hear(h *busv1.Heartbeat) (changed bool) {
	id := h.GetInstanceId()
	if id == o.self.String() {
		return false
	}
	_, known := o.seen[id]
	if h.GetLeaving() {
		delete(o.seen, id)
		return known
	}
	o.seen[id] = time.Now()
	if !known {
		o.beat(false)
	}
	return !known
}

// bury forgets those that have not been heard for a while.
func (o *Ownership) bury() {
	for id, at := range o.seen {
		if time.Since(at) > deadAfter {
			o.log.Warn("instance of message-store is gone; its partitions are taken over", "instance", id)
			delete(o.seen, id)
		}
	}
}

// reassign works out what this instance owns among the living, and calls change when that is something else than before.
func (o *Ownership) reassign() error {
	living := []string{o.self.String()}
	for id := range o.seen {
		living = append(living, id)
	}
	var gained, lost []int
	before, after := o.owned.Load(), uint64(0)
	for p := range subject.Partitions {
		bit := uint64(1) << p
		mine := Owner(p, living) == o.self.String()
		if mine {
			after |= bit
		}
		switch {
		case mine && before&bit == 0:
			gained = append(gained, p)
		case !mine && before&bit != 0:
			lost = append(lost, p)
		}
	}
	if before == after {
		return nil
	}
	if err := o.change(gained, lost); err != nil {
		return err
	}
	o.settled.Store(time.Now().UnixMilli())
	o.owned.Store(after)
	o.log.Info("partitions assigned", "instances", len(living), "gained", len(gained), "lost", len(lost))
	return nil
}

// Owner is the one of the living that owns a partition: the highest random weight (Thaler and Ravishankar, 1998). All
// who know the same living agree, and a death moves nobody's partitions but the dead one's.
func Owner(partition int, living []string) string {
	return slices.MaxFunc(living, func(a, b string) int {
		if c := bytes.Compare(weight(partition, a), weight(partition, b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}

// weight is part of the wire format: all instances must compute the same.
func weight(partition int, id string) []byte {
	h := fnv.New128a()
	_, _ = h.Write([]byte(id))
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(partition)))
	_, _ = h.Write([]byte(id)) // once more, so that the partition reaches every bit
	return h.Sum(nil)
}
