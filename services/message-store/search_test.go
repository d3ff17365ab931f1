package messagestore_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/rpc"
	storev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
	messagestore "github.com/natter-chat/natter/services/message-store"
)

// hits are the contents that a search finds on one page.
func (w *world) hits(ctx context.Context, t *testing.T, query string) (contents []string) {
	t.Helper()
	res := call[*storev1.SearchMessagesResponse](t, ctx, w, "SearchMessages", &storev1.SearchMessagesRequest{Query: query, Limit: 100})
	for _, h := range res.GetHits() {
		contents = append(contents, h.GetMessage().GetContent())
	}
	return contents
}

// What is said is found by whoever is in the room, through either instance; what is edited away or deleted is not.
func TestSearch(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, in := mentionWorld(t, settings(t))
			one, two, other := ids.New[ids.Room](), ids.New[ids.Room](), ids.New[ids.Room]()
			in.set(one, two)
			ctx := w.as(t.Context(), 1)
			finds := func(query string, want ...string) {
				t.Helper()
				for range 4 { // by either instance, many times over
					var got []string
					defer func() {
						if t.Failed() {
							t.Logf("%s: %q, want %q", query, got, want)
						}
					}()
					until(t, func() bool { got = w.hits(ctx, t, query); return slices.Equal(got, want) })
				}
			}
			w.send(t, one, 0, "a", "hello World, hello")
			second := w.send(t, two, 1, "b", "Hello again https://a.example").GetSeq()
			third := w.send(t, one, 2, "c", "héllo secret").GetSeq()
			w.send(t, other, 0, "d", "hello elsewhere")

			finds("hel", "héllo secret", "Hello again https://a.example", "hello World, hello")
			finds(`"hello world"`, "hello World, hello")
			finds("hello from:user0", "hello World, hello")
			finds("from:@USER1", "Hello again https://a.example")
			finds("from:me", "Hello again https://a.example")
			finds("from:"+w.members[2].String(), "héllo secret")
			finds("from:user0 from:user2 hello", "héllo secret", "hello World, hello")
			finds("hello in:"+one.String(), "héllo secret", "hello World, hello")
			finds(`in:"room 1"`, "Hello again https://a.example")
			finds("has:link", "Hello again https://a.example")
			finds("hello before:2020-01-01")
			finds("hello -again after:2020-01-01", "héllo secret", "hello World, hello")

			w.do(t, w.edit(one, 2, "edit", third, "hello nothing"))
			finds("secret")
			finds("nothing", "hello nothing")
			w.do(t, w.delete(two, 1, "delete", second))
			finds("hello", "hello nothing", "hello World, hello")
			in.set(two)
			finds("hello")
			in.set(one, two, other)
			finds("hello", "hello elsewhere", "hello nothing", "hello World, hello")

			hit := call[*storev1.SearchMessagesResponse](t, ctx, w, "SearchMessages", &storev1.SearchMessagesRequest{Query: "world hello"}).GetHits()[0]
			if m := hit.GetMessage(); m.GetUsername() != "User0" || m.GetRoomId() != one.String() {
				t.Errorf("a hit is %v", m)
			}
			if h := hit.GetHighlights(); len(h) != 3 || h[1].GetOffset() != 6 || h[1].GetLength() != 5 {
				t.Errorf("highlights %v", h)
			}
		})
	}
}

func TestSearchInPages(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := settings(t)
			with["NATTER_MESSAGE_CONTENT"] = "64KiB"
			w, in := mentionWorld(t, with)
			rooms := []ids.Room{ids.New[ids.Room](), ids.New[ids.Room]()}
			in.set(rooms...)
			ctx := w.as(t.Context(), 1)
			long := strings.Repeat("x", 60<<10)
			var want []string
			for i := range 20 {
				content := fmt.Sprintf("page %d %s", i, long)
				w.send(t, rooms[i%2], i%3, fmt.Sprint(i), content)
				want = append(want, content)
			}
			slices.Reverse(want)
			until(t, func() bool { return len(w.hits(ctx, t, `"page 19"`)) == 1 && len(w.hits(ctx, t, `"page 18"`)) == 1 })
			for _, limit := range []uint32{7, 100} { // a reply holds fewer than 20 of these
				var got []string
				for before, pages := "", 0; ; pages++ {
					res := call[*storev1.SearchMessagesResponse](t, ctx, w, "SearchMessages", &storev1.SearchMessagesRequest{Query: "page", Before: before, Limit: limit})
					for _, h := range res.GetHits() {
						got = append(got, h.GetMessage().GetContent())
					}
					if before = res.GetNext(); before == "" {
						break
					}
					if pages > 10 {
						t.Fatal("the pages do not end")
					}
				}
				if len(got) != len(want) || got[0] != want[0] {
					t.Errorf("limit %d: %d messages, want %d", limit, len(got), len(want))
				}
				slices.Sort(got)
				if n := len(slices.Compact(got)); n != len(want) {
					t.Errorf("limit %d: %d different messages, want %d", limit, n, len(want))
				}
			}
		})
	}
}

func TestRefusedSearches(t *testing.T) {
	t.Parallel()
	w, in := mentionWorld(t, map[string]string{"NATTER_DATA_DIR": t.TempDir()})
	in.set(ids.New[ids.Room]())
	ctx := w.as(t.Context(), 1)
	for query, want := range map[string]string{
		"":                       "at character 1: there is nothing to look for",
		`a "b`:                   `at character 3: the quote " is not closed`,
		"a from:nobody":          `at character 3: there is no user with the name or id "nobody"`,
		"a from:!":               `at character 3: there is no user with the name or id "!"`,
		"é in:nowhere":           `at character 3: you are in no room with the name or id "nowhere"`,
		"in:" + w.url:            `at character 1: you are in no room with the name or id "` + w.url + `"`,
		strings.Repeat("a", 1e4): "at character 1: the query is longer than 1000 bytes",
	} {
		_, err := rpc.Call[*storev1.SearchMessagesResponse](ctx, w.rpc, "message-store", "SearchMessages", &storev1.SearchMessagesRequest{Query: query})
		if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "query" || f.Message != want {
			t.Errorf("%.20q: %v, want %s", query, f, want)
		}
	}
	for req, field := range map[*storev1.SearchMessagesRequest]string{
		{Query: "a", Limit: 101}: "limit", {Query: "a", Before: "x"}: "before", {Query: "a", Before: "1.x.2"}: "before",
	} {
		refused[*storev1.SearchMessagesResponse](t, ctx, w, "SearchMessages", req, fault.InvalidArgument, field)
	}
	refused[*storev1.SearchMessagesResponse](t, t.Context(), w, "SearchMessages", &storev1.SearchMessagesRequest{Query: "a"}, fault.Unauthenticated, "")
	stranger := rpc.WithCaller(t.Context(), authn.Caller{User: ids.New[ids.User]()})
	call[*storev1.SearchMessagesResponse](t, stranger, w, "SearchMessages", &storev1.SearchMessagesRequest{Query: "a", Before: "9223372036854775807." + ids.New[ids.Room]().String() + ".4294967295"})
	var many []ids.Room
	for range 1001 {
		many = append(many, ids.New[ids.Room]())
	}
	in.set(many...)
	refused[*storev1.SearchMessagesResponse](t, ctx, w, "SearchMessages", &storev1.SearchMessagesRequest{Query: "a"}, fault.InvalidArgument, "query")
	if hits := w.hits(ctx, t, "a in:"+many[0].String()); hits != nil {
		t.Errorf("finds %q", hits)
	}
}

// A rebuild beside an instance that runs leaves everything to be found, and says how far it is.
func TestRebuildSearch(t *testing.T) {
	t.Parallel()
	for name, settings := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := settings(t)
			w, in := mentionWorld(t, with)
			room := ids.New[ids.Room]()
			in.set(room)
			ctx := w.as(t.Context(), 1)
			for i := range 10 {
				w.send(t, room, 0, fmt.Sprint(i), "hello")
			}
			until(t, func() bool { return len(w.hits(ctx, t, "hello")) == 10 })
			var environ []string
			for k, v := range with {
				environ = append(environ, k+"="+v)
			}
			var stdout, stderr bytes.Buffer
			p := app.Process{Args: []string{"search", "rebuild"}, Environ: environ, Stdout: &stdout, Stderr: &stderr}
			if code := app.Run(t.Context(), p, "message-store", messagestore.Component); code != 0 {
				t.Fatalf("exit %d: %s", code, &stderr)
			}
			if out := stdout.String(); !strings.HasPrefix(out, "0 of 10 events, 0 %\n") || !strings.Contains(out, "anew: 10 events") {
				t.Errorf("it says %q", out)
			}
			until(t, func() bool { return len(w.hits(ctx, t, "hello")) == 10 })
			w.send(t, room, 0, "after", "hello")
			until(t, func() bool { return len(w.hits(ctx, t, "hello")) == 11 })
		})
	}
	t.Run("nothing there", func(t *testing.T) {
		t.Parallel()
		var stderr bytes.Buffer
		p := app.Process{Args: []string{"search", "rebuild"}, Environ: []string{"NATTER_DATA_DIR=" + t.TempDir()}, Stdout: io.Discard, Stderr: &stderr}
		if code := app.Run(t.Context(), p, "message-store", messagestore.Component); code != 1 || !strings.Contains(stderr.String(), "there are no messages") {
			t.Errorf("exit %d: %s", code, &stderr)
		}
	})
}
