package ownership_test

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/subject"
	"github.com/natter-chat/natter/pkg/testkit"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	"github.com/natter-chat/natter/services/message-store/internal/ownership"
)

func TestOwnersAreSpread(t *testing.T) {
	t.Parallel()
	var living []string
	for range 4 {
		living = append(living, ids.New[ids.Instance]().String())
	}
	count := map[string]int{}
	for p := range subject.Partitions {
		count[ownership.Owner(p, living)]++
	}
	for _, id := range living {
		if n := count[id]; n < 4 || n > 32 {
			t.Errorf("an instance of four owns %d of 64 partitions", n)
		}
	}
	// A death moves only the partitions of the dead.
	for p := range subject.Partitions {
		before, after := ownership.Owner(p, living), ownership.Owner(p, living[1:])
		if before != living[0] && before != after {
			t.Errorf("partition %d moved from a living instance", p)
		}
	}
}

// Instances of different versions must agree, so the weights are wire format.
func TestOwnerIsFixed(t *testing.T) {
	t.Parallel()
	living := []string{"01920000-0000-7000-8000-000000000001", "01920000-0000-7000-8000-000000000002", "01920000-0000-7000-8000-000000000003"}
	got := ""
	for p := range subject.Partitions {
		got += ownership.Owner(p, living)[35:]
	}
	const want = "3213323233223132323332332121213323111112323332312133312311213223"
	if got != want {
		t.Errorf("owners %s, want %s", got, want)
	}
}

// instance counts what Change told it.
type instance struct {
	*ownership.Ownership
	mu    sync.Mutex
	owned map[int]bool
}

func start(t *testing.T, nc *nats.Conn) *instance {
	t.Helper()
	in := &instance{owned: map[int]bool{}}
	var err error
	in.Ownership, err = ownership.Start(t.Context(), nc, ids.New[ids.Instance](), func(gained, lost []int) error {
		in.mu.Lock()
		defer in.mu.Unlock()
		for _, p := range gained {
			in.owned[p] = true
		}
		for _, p := range lost {
			delete(in.owned, p)
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func (in *instance) count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	for p := range subject.Partitions {
		if in.Owns(p, 0) != in.owned[p] {
			return -1 // in the middle of a change
		}
	}
	return len(in.owned)
}

// await polls until what holds, which it must within the time.
func await(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

func TestInstancesShareThePartitions(t *testing.T) {
	t.Parallel()
	url := testkit.NATS(t)
	connect := func() *nats.Conn {
		nc, err := nats.Connect(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	a := start(t, connect())
	defer a.Leave()
	if n := a.count(); n != subject.Partitions {
		t.Fatalf("a single instance owns %d partitions when Start returns", n)
	}
	if a.Owns(0, time.Hour) {
		t.Error("a partition is owned for an hour after a moment")
	}
	b := start(t, connect())
	if n := b.count(); n == 0 || n == subject.Partitions {
		t.Errorf("the second instance owns %d partitions when Start returns", n)
	}
	await(t, 2*time.Second, "every partition has one owner", func() bool {
		for p := range subject.Partitions {
			if a.Owns(p, 0) == b.Owns(p, 0) {
				return false
			}
		}
		return a.count()+b.count() == subject.Partitions
	})
	b.Leave()
	// Less than a heartbeat's time out: it was announced.
	await(t, time.Second, "the partitions of an instance that left are taken over", func() bool { return a.count() == subject.Partitions })

	// One that dies says nothing.
	data, err := proto.Marshal(&busv1.Heartbeat{InstanceId: ids.New[ids.Instance]().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := connect().Publish(subject.Live(ownership.Kind), data); err != nil {
		t.Fatal(err)
	}
	await(t, time.Second, "a new instance gets partitions", func() bool { return a.count() < subject.Partitions })
	began := time.Now()
	await(t, 4*time.Second, "the partitions of a dead instance are taken over", func() bool { return a.count() == subject.Partitions })
	if took := time.Since(began); took < time.Second {
		t.Errorf("taken over after %s: heartbeats may be late", took)
	}
}

// A change that fails is asked for again.
func TestFailedChangeIsRepeated(t *testing.T) {
	t.Parallel()
	nc, err := nats.Connect(testkit.NATS(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	calls := make(chan error, 10)
	calls <- nil
	calls <- fmt.Errorf("the bus is away")
	calls <- nil
	close(calls)
	done := make(chan struct{}, 10)
	o, err := ownership.Start(t.Context(), nc, ids.New[ids.Instance](), func([]int, []int) error {
		defer func() { done <- struct{}{} }()
		return <-calls
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Leave()
	data, err := proto.Marshal(&busv1.Heartbeat{InstanceId: ids.New[ids.Instance]().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Publish(subject.Live(ownership.Kind), data); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			t.Fatal("the change was not repeated")
		}
	}
}
