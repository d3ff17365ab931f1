package peertest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// Purger is message-store as far as it wipes logs.
type Purger struct {
	// Down makes it answer nothing but Unavailable.
	Down atomic.Bool

	mu     sync.Mutex
	purged []string
}

// StartPurger answers PurgeRoom until tb ends.
func StartPurger(tb testing.TB, url string) *Purger {
	tb.Helper()
	nc := Connect(tb, url)
	server, err := rpc.NewServer(nc, "message-store", slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close(context.Background()) })
	p := &Purger{}
	if err := errors.Join(rpc.Handle(server, "PurgeRoom", p.purge), nc.Flush()); err != nil {
		tb.Fatal(err)
	}
	return p
}

// Purged is the rooms that were purged, in this order, as often as they were.
func (p *Purger) Purged() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.purged)
}

func (p *Purger) purge(_ context.Context, req *messagestorev1.PurgeRoomRequest) (*messagestorev1.PurgeRoomResponse, error) {
	if p.Down.Load() {
		return nil, fault.New(fault.Unavailable, "down")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.purged = append(p.purged, req.GetRoomId())
	return &messagestorev1.PurgeRoomResponse{}, nil
}
