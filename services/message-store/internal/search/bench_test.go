package search_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	searchsqlite "github.com/natter-chat/natter/services/message-store/internal/search/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
	"github.com/natter-chat/natter/services/message-store/internal/store/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store/storetest"
)

const benchRooms = 50

// library is a log of many messages in 50 rooms, and its index.
type library struct {
	searcher *search.Searcher
	rooms    []ids.Room
	author   ids.User
	// half is when half of the messages were sent.
	half int64
}

// words are like those of people: some in every third message, most in hardly any. The last rooms speak another language.
func sentence(r *rand.Rand, room, n int) string {
	const vocabulary, length = 20_000, 12
	var b strings.Builder
	for range length {
		word := int(r.ExpFloat64() * 200)
		fmt.Fprintf(&b, "%c%cord%d ", 'a'+word%7, 'a'+word%11, word%vocabulary)
	}
	switch {
	case n%10 == 0:
		b.WriteString("https://a.example ")
	case n%50_000 == 7:
		b.WriteString("needle ")
	}
	if room >= benchRooms/2 {
		b.WriteString("elsewhere ")
	}
	b.WriteString("common")
	return b.String()
}

// newLibrary makes one of so many messages.
func newLibrary(b *testing.B, messages int) *library {
	b.Helper()
	dir := b.TempDir()
	log, err := sqlite.Open(b.Context(), filepath.Join(dir, "messages.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	index, err := searchsqlite.Open(b.Context(), filepath.Join(dir, "search.db"), "e", slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = index.Close() })
	l := &library{searcher: search.NewSearcher(index, log)}
	writers := make([]*storetest.Writer, benchRooms)
	for i := range writers {
		writers[i] = storetest.NewWriter()
		l.rooms = append(l.rooms, writers[i].Room)
	}
	l.author = writers[0].Users[1]
	r := rand.New(rand.NewPCG(1, 2)) // the same words each time
	for n := 0; n < messages; {
		var batches []store.Batch
		for i, w := range writers {
			for range 20 {
				e := w.Post(r.IntN(3), sentence(r, i, n))
				l.half = e.CreatedAt / 2
				n++
			}
			batches = append(batches, w.Batch())
		}
		for _, err := range log.Append(b.Context(), batches) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	x, err := search.NewIndexer(log, index, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	if err := x.Rebuild(b.Context(), func(int, int) {}); err != nil {
		b.Fatal(err)
	}
	return l
}

// A page of 50 hits out of 20,000 messages, with NATTER_TEST_HEAVY out of 1,000,000, in 50 rooms on SQLite, with every hit
// compared with the log.
func BenchmarkSearch(b *testing.B) {
	messages := 20_000
	if os.Getenv("NATTER_TEST_HEAVY") != "" {
		messages = 1_000_000
	}
	library := sync.OnceValue(func() *library { return newLibrary(b, messages) })
	for _, bench := range []struct {
		name, query string
		rooms       int // the first ones
		change      func(*search.Filter)
	}{
		{name: "a common word", query: `"common"`},
		{name: "a rare word", query: `"needle"`},
		{name: "no such word", query: `"nothing"`},
		{name: "a word that is common elsewhere", query: `"elsewhere"`, rooms: benchRooms / 2},
		{name: "in 2 of 50 rooms", query: `"common" "aaord0"`, rooms: 2},
		{name: "three words", query: `"aaord0" "bbord1" "common"`},
		{name: "a phrase", query: `"elsewhere common"`},
		{name: "a phrase that is not there", query: `"common elsewhere"`},
		{name: "a prefix", query: "common aao"},
		{name: "a long prefix", query: "aaor"},
		{name: "all but a common word", query: "-common"},
		{name: "a common word but not another", query: `"common" -aaord0`},
		{name: "from", query: "in:x", change: func(f *search.Filter) { f.From = []ids.User{library().author} }},
		{name: "has", query: "has:link"},
		{name: "before half of them", query: `"common"`, change: func(f *search.Filter) { f.Before = library().half }},
		{name: "everything", query: "in:x"},
	} {
		b.Run(strings.ReplaceAll(bench.name, " ", "_"), func(b *testing.B) {
			l := library()
			q, err := query.Parse(bench.query)
			if err != nil {
				b.Fatal(err)
			}
			f := search.Filter{Rooms: l.rooms, Terms: q.Terms, Has: q.Has}
			if bench.rooms > 0 {
				f.Rooms = l.rooms[:bench.rooms]
			}
			if bench.change != nil {
				bench.change(&f)
			}
			hits := 0
			b.ReportAllocs()
			for b.Loop() {
				page, err := l.searcher.Search(context.Background(), f, search.At{}, 50)
				if err != nil {
					b.Fatal(err)
				}
				hits = len(page.Hits)
			}
			b.ReportMetric(float64(hits), "hits")
		})
	}
}
