package session

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// The objective of deliveries is measured by this: what a client missed while it was away is not late.
func TestOnlyLiveEventsAreMeasured(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg, &atomic.Int64{})
	if err != nil {
		t.Fatal(err)
	}
	since := time.Now()
	for _, age := range []time.Duration{-24 * time.Hour, -time.Second, time.Millisecond} {
		m.written(feed.NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{
			Event: &chatv1.Event{CreatedAt: timestamppb.New(since.Add(age))},
		}}), since.UnixMilli())
	}
	m.written(feed.NewFrame(&clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Pong{}}), since.UnixMilli())
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "natter_edge_gateway_commit_to_socket_seconds" && f.GetMetric()[0].GetHistogram().GetSampleCount() != 1 {
			t.Errorf("measured %v; want only the event that happened since", f)
		}
	}
}
