// Package indextest is what every engine of the search index must do. An engine's test calls Run.
package indextest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Engine is how the suite gets at an engine.
type Engine struct {
	// Open opens a handle of one index, for a log with this epoch; all handles of one test see the same. It is closed by the
	// test's cleanup.
	Open func(t *testing.T, epoch string) search.Index
	// Races says that the engine keeps its promises under concurrency, which a stand-in of a database may not.
	Races bool
	// Phrases says that the engine finds only phrases, not all messages with their words.
	Phrases bool
}

// Run runs the suite; fresh returns an engine over a new, empty index.
func Run(t *testing.T, fresh func(t *testing.T) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"words": testWords, "pages": testPages, "times": testTimes, "changes": testChanges, "positions": testPositions,
		"a late writer": testLateWriter, "the end of a room": testEnd, "another log": testEpoch, "two writers": testTwoWriters,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// room feeds an index the messages of a room.
type room struct {
	t     *testing.T
	index search.Index
	id    ids.Room
	seq   uint32
}

var ada, bob = ids.New[ids.User](), ids.New[ids.User]() //nolint:gochecknoglobals // two users

func newRoom(t *testing.T, x search.Index) *room {
	return &room{t: t, index: x, id: ids.New[ids.Room]()}
}

func document(seq uint32, at int64, author ids.User, text string, has ...query.Has) search.Document {
	d := search.Document{Seq: seq, AsOf: seq, CreatedAt: at, Tokens: []string{search.TokenAny, search.FromToken(author)}}
	for _, h := range has {
		d.Tokens = append(d.Tokens, search.HasToken(h))
	}
	for _, w := range query.Words(text) {
		d.Tokens = append(d.Tokens, search.WordToken(w.Text))
	}
	return d
}

// put takes the next event of the room into the index: it makes these documents.
func (r *room) put(docs ...search.Document) {
	r.t.Helper()
	r.seq++
	for i := range docs {
		docs[i].AsOf = r.seq
	}
	r.must(r.index.Put(r.t.Context(), []search.Part{{Room: r.id, From: r.seq - 1, To: r.seq, Documents: docs}}))
}

// say puts the next message.
func (r *room) say(at int64, author ids.User, text string, has ...query.Has) {
	r.t.Helper()
	r.put(document(r.seq+1, at, author, text, has...))
}

func (r *room) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// find returns what a query with words and has: finds.
func (r *room) find(text string, change ...func(*search.Filter)) []search.At {
	r.t.Helper()
	f := search.Filter{Rooms: []ids.Room{r.id}}
	if text != "" {
		q, err := query.Parse(text)
		r.must(err)
		f.Terms, f.Has = q.Terms, q.Has
	}
	for _, c := range change {
		c(&f)
	}
	found, err := r.index.Find(r.t.Context(), f, search.At{}, 100)
	r.must(err)
	return found
}

// wants checks which seqs a query finds.
func (r *room) wants(text string, found []search.At, want ...uint32) {
	r.t.Helper()
	var got []uint32
	for _, at := range found {
		if at.Room != r.id {
			r.t.Errorf("%s: finds a message of another room", text)
		}
		got = append(got, at.Seq)
	}
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: finds %d, want %d", text, got, want)
	}
}

func testWords(t *testing.T, engine Engine) {
	x := engine.Open(t, "e")
	r, other := newRoom(t, x), newRoom(t, x)
	r.say(1000, ada, "Hello wide World")                              // 1
	r.say(2000, bob, "hello Helga", query.HasLink)                    // 2
	r.say(3000, bob, "東京 world hello", query.HasLink, query.HasImage) // 3
	r.say(4000, ada, "🎉 京東")                                          // 4
	other.say(2500, ada, "hello world")
	for text, want := range map[string][]uint32{
		"hello":              {3, 2, 1},
		`"hello world"`:      nil,
		"hello world":        {3, 1},
		"WORLD":              {3, 1},
		"hel":                {3, 2, 1},
		`"hel"`:              nil,
		"hello -world":       {2},
		"-hello":             {4},
		`-"hello wide" wor`:  {3},
		"has:link":           {3, 2},
		"has:link has:image": {3},
		"has:pin":            nil,
		"hello has:link":     {3, 2},
		"🎉":                  {4},
		"東京":                 {3},
		"xyz":                nil,
	} {
		switch text {
		case `"hello world"`, "東京":
			if !engine.Phrases {
				continue
			}
		case `-"hello wide" wor`:
			if !engine.Phrases {
				want = []uint32{3, 1}
			}
		}
		r.wants(text, r.find(text), want...)
	}
	r.wants("no words", r.find(""), 4, 3, 2, 1)
	by := func(users ...ids.User) func(*search.Filter) { return func(f *search.Filter) { f.From = users } }
	r.wants("from:ada", r.find("", by(ada)), 4, 1)
	r.wants("from:ada hello", r.find("hello", by(ada)), 1)
	r.wants("from either", r.find("hello", by(ada, bob)), 3, 2, 1)
	r.wants("from nobody", r.find("", by(ids.New[ids.User]())))
	both := r.find("hello world", func(f *search.Filter) { f.Rooms = []ids.Room{other.id, ids.New[ids.Room](), r.id} })
	if len(both) != 3 || both[1] != (search.At{CreatedAt: 2500, Ref: store.Ref{Room: other.id, Seq: 1}}) {
		t.Errorf("in two rooms: %v", both)
	}
	r.wants("in no room", r.find("hello", func(f *search.Filter) { f.Rooms = nil }))
}

// Pages go on where the one before ended, also among messages of the same millisecond, and when the last one is gone.
func testPages(t *testing.T, engine Engine) {
	x := engine.Open(t, "e")
	a, b := newRoom(t, x), newRoom(t, x)
	for i := range int64(4) {
		for range 3 {
			a.say(i*1000, ada, "hello")
			b.say(i*1000, ada, "hello")
		}
	}
	f := search.Filter{Rooms: []ids.Room{a.id, b.id}}
	var all []search.At
	for before := (search.At{}); ; before = all[len(all)-1] {
		page, err := x.Find(t.Context(), f, before, 5)
		a.must(err)
		if all = append(all, page...); len(page) < 5 {
			break
		}
	}
	if len(all) != 24 || !slices.IsSortedFunc(all, func(a, b search.At) int { return int(b.CreatedAt - a.CreatedAt) }) {
		t.Fatalf("%d in the wrong order, want 24: %v", len(all), all)
	}
	seen := map[search.At]bool{}
	for _, at := range all {
		if seen[at] {
			t.Errorf("%v twice", at)
		}
		seen[at] = true
	}
	last := all[11]
	gone := search.Document{Seq: last.Seq, CreatedAt: last.CreatedAt}
	if last.Room == a.id {
		a.put(gone)
	} else {
		b.put(gone)
	}
	page, err := x.Find(t.Context(), f, last, 100)
	a.must(err)
	for _, at := range all[12:] {
		if !slices.Contains(page, at) {
			t.Errorf("%v is missing after the last one is gone", at)
		}
	}
}

func testTimes(t *testing.T, engine Engine) {
	r := newRoom(t, engine.Open(t, "e"))
	for i := range int64(5) {
		r.say(1000*(i+1), ada, "hello")
	}
	for _, tt := range []struct {
		after, before int64
		want          []uint32
	}{{2000, 0, []uint32{5, 4, 3, 2}}, {0, 3000, []uint32{2, 1}}, {2000, 4000, []uint32{3, 2}}, {2001, 2002, nil}, {6000, 0, nil}} {
		for _, text := range []string{"", "hello"} {
			found := r.find(text, func(f *search.Filter) { f.After, f.Before = tt.after, tt.before })
			r.wants(fmt.Sprintf("%q %d to %d", text, tt.after, tt.before), found, tt.want...)
		}
	}
}

// A document is replaced as a whole, and taken out when it has no tokens left.
func testChanges(t *testing.T, engine Engine) {
	r := newRoom(t, engine.Open(t, "e"))
	r.say(1000, ada, "first text")  // 1
	r.say(2000, bob, "second text") // 2
	r.put(document(1, 1000, ada, "first words", query.HasReaction))
	r.wants("what it said", r.find("text"), 2)
	r.wants("what it says", r.find("words has:reaction"), 1)
	r.put(document(1, 1000, ada, "first words"))
	r.wants("a reaction that is gone", r.find("has:reaction"))
	r.put(search.Document{Seq: 1, CreatedAt: 1000}, document(2, 2000, bob, "second words"))
	r.wants("a message that is gone", r.find("words"), 2)
	r.wants("everything", r.find(""), 2)
	r.put(search.Document{Seq: 1, CreatedAt: 1000}, search.Document{Seq: 9, CreatedAt: 3000})
	r.wants("everything, after what was never there is gone", r.find(""), 2)
}

func testPositions(t *testing.T, engine Engine) {
	x := engine.Open(t, "e")
	a, b, never := newRoom(t, x), newRoom(t, x), newRoom(t, x)
	a.say(1, ada, "x")
	a.say(2, ada, "x")
	b.put() // an event that is about no message
	check := func(x search.Index, want map[ids.Room]uint32) {
		t.Helper()
		at, err := x.Positions(t.Context(), []ids.Room{a.id, b.id, never.id})
		a.must(err)
		if len(at) != len(want) || at[a.id] != want[a.id] || at[b.id] != want[b.id] {
			t.Errorf("positions %v, want %v", at, want)
		}
	}
	check(x, map[ids.Room]uint32{a.id: 2, b.id: 1})
	check(engine.Open(t, "e"), map[ids.Room]uint32{a.id: 2, b.id: 1})
	a.must(x.Clear(t.Context()))
	check(x, nil)
	a.wants("a cleared index", a.find(""))
	a.seq = 0
	a.say(1, ada, "x")
	a.wants("an index that is made anew", a.find("x"), 1)
}

// Who comes late with a part that somebody else has put changes nothing.
func testLateWriter(t *testing.T, engine Engine) {
	x := engine.Open(t, "e")
	r := newRoom(t, x)
	late := search.Part{Room: r.id, From: 0, To: 1, Documents: []search.Document{document(1, 1000, ada, "secret")}}
	r.put(late.Documents...)
	r.put(search.Document{Seq: 1, CreatedAt: 1000})
	r.must(x.Put(t.Context(), []search.Part{late}))
	r.wants("what was deleted since", r.find("secret"))
	at, err := x.Positions(t.Context(), []ids.Room{r.id})
	if r.must(err); at[r.id] != 2 {
		t.Errorf("position %v, want 2", at)
	}
}

func testEnd(t *testing.T, engine Engine) {
	x := engine.Open(t, "e")
	r, other := newRoom(t, x), newRoom(t, x)
	var docs []search.Document
	for i := range uint32(120) {
		docs = append(docs, document(i+1, int64(i), ada, "hello"))
	}
	n := uint32(len(docs))
	r.must(x.Put(t.Context(), []search.Part{{Room: r.id, To: n, Documents: docs}}))
	other.say(1000, ada, "hello")
	end := func(part search.Part) {
		for range n {
			r.must(x.Put(t.Context(), []search.Part{part}))
			at, err := x.Positions(t.Context(), []ids.Room{r.id})
			if r.must(err); at[r.id] == part.To {
				return
			}
		}
		t.Fatalf("the room is not at %d after as many parts as it has messages", part.To)
	}
	end(search.Part{Room: r.id, From: n, To: n + 1, Ended: true})
	r.wants("a room that ended", r.find("hello"))
	other.wants("another room", other.find("hello"), 1)
	// It may begin anew, when its log turns out to be shorter than the index believed.
	end(search.Part{Room: r.id, From: n + 1, To: 0, Ended: true})
	r.say(1000, ada, "hello")
	r.wants("after it began anew", r.find("hello"), 1)
}

func testEpoch(t *testing.T, engine Engine) {
	r := newRoom(t, engine.Open(t, "e"))
	r.say(1000, ada, "hello")
	r.index = engine.Open(t, "e")
	r.wants("the same log", r.find("hello"), 1)
	r.index = engine.Open(t, "f")
	r.wants("another log", r.find("hello"))
	r.seq = 0
	r.say(1000, ada, "hello")
	r.index = engine.Open(t, "f")
	r.wants("the same other log", r.find("hello"), 1)
}

// Two who feed the same rooms at the same time leave each message in it once.
func testTwoWriters(t *testing.T, engine Engine) {
	if !engine.Races {
		t.Skip("the engine's stand-in does not promise it")
	}
	a, b := newRoom(t, engine.Open(t, "e")), newRoom(t, engine.Open(t, "e"))
	b.id = a.id
	const messages = 60
	var wg sync.WaitGroup
	for _, r := range []*room{a, b} {
		wg.Go(func() {
			for i := range int64(messages) {
				r.say(i, ada, "hello")
			}
		})
	}
	wg.Wait()
	if found := a.find("hello"); len(found) != messages {
		t.Errorf("%d messages, want %d", len(found), messages)
	}
}
