package sqlite_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

// One commit of so many messages, spread over 50 rooms.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "messages.db"))
			rooms := make([]*storetest.Writer, min(size, 50))
			for i := range rooms {
				rooms[i] = storetest.NewWriter()
			}
			content := strings.Repeat("a message of ordinary length ", 4)
			b.ReportAllocs()
			for b.Loop() {
				for i := range size {
					rooms[i%len(rooms)].Post(i%3, content)
				}
				batches := make([]store.Batch, len(rooms))
				for i, w := range rooms {
					batches[i] = w.Batch()
				}
				for _, err := range s.Append(b.Context(), batches) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// The nonce lookup that goes before every commit.
func BenchmarkFindNonces(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "messages.db"))
	w := storetest.NewWriter()
	for range store.MaxAppend {
		w.Post(0, "x")
	}
	s.Append(b.Context(), []store.Batch{w.Batch()})
	keys := make([]store.NonceKey, store.MaxAppend)
	for i := range keys {
		keys[i] = store.NonceKey{Room: w.Room, User: w.Users[0], Nonce: fmt.Sprint("a fresh nonce of ordinary length ", i)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.FindNonces(b.Context(), keys); err != nil {
			b.Fatal(err)
		}
	}
}
