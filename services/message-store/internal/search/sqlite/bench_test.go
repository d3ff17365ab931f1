package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
)

// One write of 1,000 new messages of 12 words, over 50 rooms.
func BenchmarkPut(b *testing.B) {
	x := open(b, filepath.Join(b.TempDir(), "search.db"), "e")
	r := rand.New(rand.NewPCG(1, 2)) // the same words each time
	parts := make([]search.Part, 50)
	for i := range parts {
		parts[i].Room = ids.New[ids.Room]()
	}
	author := ids.New[ids.User]()
	const each, words = 20, 12
	at := int64(1_800_000_000_000)
	b.ReportAllocs()
	for b.Loop() {
		for i := range parts {
			p := &parts[i]
			p.From, p.Documents = p.To, nil
			for range each {
				p.To++
				at += 10
				d := search.Document{Seq: p.To, CreatedAt: at, Tokens: []string{search.TokenAny, search.FromToken(author)}}
				for range words {
					n := int(r.ExpFloat64() * 200)
					d.Tokens = append(d.Tokens, search.WordToken(fmt.Sprintf("%c%cord%d", 'a'+n%7, 'a'+n%11, n)))
				}
				p.Documents = append(p.Documents, d)
			}
		}
		if err := x.Put(b.Context(), parts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*each*float64(len(parts))/b.Elapsed().Seconds(), "messages/s")
}
