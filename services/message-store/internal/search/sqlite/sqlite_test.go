package sqlite_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/indextest"
	"github.com/natter-chat/natter/services/message-store/internal/search/sqlite"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	indextest.Run(t, func(t *testing.T) indextest.Engine {
		path := filepath.Join(t.TempDir(), "search.db")
		return indextest.Engine{Races: true, Phrases: true, Open: func(t *testing.T, epoch string) search.Index { return open(t, path, epoch) }}
	})
}

func open(tb testing.TB, path, epoch string) *sqlite.Index {
	tb.Helper()
	x, err := sqlite.Open(tb.Context(), path, epoch, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = x.Close() }) // some tests close it before
	return x
}

// What is taken out is nowhere in the file: neither its tokens nor what the index keeps of them.
func TestDeletedWordsAreGone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "search.db")
	x := open(t, path, "e")
	room := ids.New[ids.Room]()
	tokens := func(words string) []string { return strings.Fields(search.TokenAny + " " + words) }
	for i, docs := range [][]search.Document{
		{{Seq: 1, Tokens: tokens("wkept wsecret1")}, {Seq: 2, Tokens: tokens("wkept wsecret2")}},
		{{Seq: 1}, {Seq: 2, Tokens: tokens("wkept wother")}},
	} {
		part := search.Part{Room: room, From: uint32(i), To: uint32(i + 1), Documents: docs}
		if err := x.Put(t.Context(), []search.Part{part}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Close(); err != nil { // moves everything into the file
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The index writes what is common to neighbouring words once, so look for the ends.
	for _, word := range []string{"secret", "ecret1", "ecret2"} {
		if n := strings.Count(string(data), word); n > 0 {
			t.Errorf("the file has %q %d times", word, n)
		}
	}
	if !strings.Contains(string(data), "wother") {
		t.Error("the test looks for words in the wrong place")
	}
}

// A file that is no index is made anew.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "search.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	x := open(t, path, "e")
	room := ids.New[ids.Room]()
	part := search.Part{Room: room, To: 1, Documents: []search.Document{{Seq: 1, Tokens: []string{search.TokenAny}}}}
	if err := x.Put(t.Context(), []search.Part{part}); err != nil {
		t.Fatal(err)
	}
	if found, err := x.Find(t.Context(), search.Filter{Rooms: []ids.Room{room}}, search.At{}, 1); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}
