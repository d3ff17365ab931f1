package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/rpc"
	"github.com/natter-chat/natter/pkg/testkit"
	authv1 "github.com/natter-chat/natter/proto/gen/natter/auth/v1"
)

// A server that closes under load answers everyone, and none of its handlers runs once Close has returned.
func TestCloseUnderLoad(t *testing.T) {
	t.Parallel()
	url, log := testkit.NATS(t), slog.New(slog.DiscardHandler)
	connect := func() *nats.Conn {
		nc, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test", log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	nc := connect()
	server, err := rpc.NewServer(nc, "closing", log, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	var closed atomic.Bool
	answered := make(chan struct{}, 1)
	err = errors.Join(rpc.Handle(server, "Refuse", func(context.Context, *authv1.GetMeRequest) (*authv1.GetKeysResponse, error) {
		if closed.Load() {
			t.Error("a handler runs after Close")
		}
		select {
		case answered <- struct{}{}:
		default:
		}
		return nil, fault.New(fault.NotFound, "nothing here")
	}), nc.Flush())
	if err != nil {
		t.Fatal(err)
	}

	client := rpc.NewClient(connect())
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for {
				began := time.Now()
				_, err := rpc.Call[*authv1.GetKeysResponse](t.Context(), client, "closing", "Refuse", &authv1.GetMeRequest{})
				switch fault.CodeOf(err) {
				case fault.NotFound:
					continue
				case fault.Unavailable:
					if took := time.Since(began); took > 4*time.Second {
						t.Errorf("left without an answer for %s", took)
					}
				default:
					t.Errorf("call: %v", err)
				}
				return
			}
		})
	}
	<-answered
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
	closed.Store(true)
	callers.Wait()
}
