package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/natter-chat/natter/services/edge-gateway/internal/feed"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func newQueue(limit int, start func()) (*queue, *atomic.Int64) {
	var total atomic.Int64
	return &queue{encoding: wire.JSON, limit: limit, total: &total, start: start}, &total
}

// frameOf is a frame of about this many bytes (at least 80) that carries a number.
func frameOf(id uint32, size int) *feed.Frame {
	return feed.NewFrame(&clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Error{Error: &clientv1.Error{
		Code: "internal", Message: string(bytes.Repeat([]byte("x"), size)),
	}}})
}

// idsIn are the numbers of the frames in a message.
func idsIn(message []byte) (list []uint32) {
	for line := range bytes.SplitSeq(message, []byte{'\n'}) {
		var f struct{ ID uint32 }
		if json.Unmarshal(line, &f) != nil {
			return nil
		}
		list = append(list, f.ID)
	}
	return list
}

// The queue against a model: what goes in comes out in order, in messages of at most 32 KiB, bytes are counted right, the
// writer is started when there is none, and only an overflow beyond half closes it.
func TestQueueModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		started := false
		q, total := newQueue(rapid.IntRange(1000, 200_000).Draw(t, "limit"), func() { started = true })
		type item struct {
			id   uint32
			size int
		}
		var model []item
		size, writing, closed, id := 0, false, false, uint32(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				id++
				f := frameOf(id, rapid.IntRange(0, 50_000).Draw(t, "size"))
				n := len(f.Bytes(wire.JSON))
				overflow := !closed && size > q.limit/2 && size+n > q.limit
				started = false
				if ok := q.push(f); ok == overflow {
					t.Fatalf("push of %d on %d of %d: %v", n, size, q.limit, ok)
				}
				if want := !closed && !overflow && !writing; started != want {
					t.Fatalf("writer started: %v, want %v", started, want)
				}
				switch {
				case overflow:
					closed, model, size = true, nil, 0
				case !closed:
					model, size, writing = append(model, item{id, n}), size+n, true
				}
			},
			"take": func(t *rapid.T) {
				if !writing {
					t.Skip("no writer")
				}
				message, first := q.take(nil, maxMessage)
				if (first == nil) != (len(model) == 0) {
					t.Fatalf("first %v of %d", first, len(model))
				}
				if first == nil {
					writing = false
					return
				}
				got := idsIn(message)
				if len(got) == 0 || len(message) > maxMessage && len(got) > 1 {
					t.Fatalf("%d frames in %d bytes", len(got), len(message))
				}
				for i, id := range got {
					if model[i].id != id {
						t.Fatalf("frame %d, want %d", id, model[i].id)
					}
					size -= model[i].size
				}
				model = model[len(got):]
				if len(model) > 0 && len(message)+1+model[0].size <= maxMessage {
					t.Fatalf("stopped at %d bytes, though %d more fit", len(message), model[0].size)
				}
			},
			"close": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "rarely") == 0 {
					q.close()
					closed, model, size = true, nil, 0
				}
			},
			"": func(t *rapid.T) {
				if total.Load() != int64(size) || q.size != size {
					t.Fatalf("%d bytes in total, %d in the queue, want %d", total.Load(), q.size, size)
				}
			},
		})
	})
}

func TestQueueUnderConcurrency(t *testing.T) {
	t.Parallel()
	const pushers, each = 8, 500
	var q *queue
	var total *atomic.Int64
	var writers, wg sync.WaitGroup
	var writing sync.Mutex
	last := map[uint32]uint32{} // by pusher
	got := 0
	write := func() {
		for {
			message, first := q.take(nil, maxMessage)
			if first == nil {
				break
			}
			if total.Load() < 0 {
				t.Error("negative bytes")
			}
			if !writing.TryLock() {
				t.Error("two writers")
				return
			}
			for _, id := range idsIn(message) {
				if pusher, n := id/10_000, id%10_000; n != last[pusher]+1 {
					t.Errorf("pusher %d: %d after %d", pusher, n, last[pusher])
				} else {
					last[pusher] = n
				}
				got++
			}
			writing.Unlock()
		}
	}
	q, total = newQueue(1<<30, func() { writers.Go(write) })
	for p := range uint32(pushers) {
		wg.Go(func() {
			for i := range uint32(each) {
				if !q.push(frameOf(p*10_000+i+1, 100)) {
					t.Error("overflow")
				}
			}
		})
	}
	wg.Wait()
	writers.Wait()
	if got != pushers*each || total.Load() != 0 || !q.idle() {
		t.Errorf("%d of %d frames, %d bytes left", got, pushers*each, total.Load())
	}
}

func TestQueueWait(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"drained", "closed", "cancelled", "overflown"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q, _ := newQueue(10_000, func() {})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if err := q.wait(ctx); err != nil {
					t.Fatalf("wait on an empty queue: %v", err)
				}
				q.push(frameOf(1, 3000))
				q.push(frameOf(2, 3000))
				q.push(frameOf(3, 1000))
				results := make(chan error, 2)
				for range 2 {
					go func() { results <- q.wait(ctx) }()
				}
				synctest.Wait()
				if len(results) != 0 {
					t.Fatal("wait returned though more than half is taken")
				}
				var want error // none
				switch how {
				case "drained":
					q.take(nil, 1)
				case "closed":
					q.close()
					want = errClosed
				case "overflown":
					q.push(frameOf(4, 9000))
					want = errClosed
				case "cancelled":
					cancel()
					want = context.Canceled
				}
				for range 2 {
					if err := <-results; !errors.Is(err, want) {
						t.Errorf("wait: %v, want %v", err, want)
					}
				}
			})
		})
	}
}

// A frame larger than the whole queue still gets through, when there is room: catching up depends on it.
func TestQueueTakesOneLargeFrame(t *testing.T) {
	t.Parallel()
	q, _ := newQueue(1000, func() {})
	if !q.push(frameOf(1, 100_000)) {
		t.Fatal("refused")
	}
	message, first := q.take(nil, maxMessage)
	if first == nil || len(message) < 100_000 {
		t.Errorf("%d bytes", len(message))
	}
	if fmt.Sprint(idsIn(message)) != "[1]" {
		t.Error("another frame")
	}
}
