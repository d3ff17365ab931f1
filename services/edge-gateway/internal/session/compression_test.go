package session

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

const offerDeflate = "Sec-WebSocket-Extensions: permessage-deflate"

func TestCompressionIsNegotiated(t *testing.T) {
	t.Parallel()
	const agreed = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
	off := newGateway(t, nil)
	on := newGateway(t, func(c *Config) { c.Compression = true })
	for name, tt := range map[string]struct {
		g    *gateway
		line string
		want string
	}{
		"off":                        {off, offerDeflate, ""},
		"not offered":                {on, "X-Unused: 1", ""},
		"another extension":          {on, "Sec-WebSocket-Extensions: x-webkit-deflate-frame", ""},
		"offered":                    {on, offerDeflate, agreed},
		"as browsers offer it":       {on, offerDeflate + "; client_max_window_bits", agreed},
		"with a window of the other": {on, offerDeflate + "; client_max_window_bits=10; server_no_context_takeover", agreed},
		"a window we cannot keep to": {on, offerDeflate + "; server_max_window_bits=10", ""},
		"the second offer":           {on, offerDeflate + "; server_max_window_bits=10, permessage-deflate", agreed},
		"a parameter we know not":    {on, offerDeflate + "; level=9", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, res := tt.g.upgrade(t, tt.line)
			got := strings.Join(res.Header["Sec-Websocket-Extensions"], "|")
			if res.StatusCode != http.StatusSwitchingProtocols || got != tt.want {
				t.Fatalf("%s, %q", res.Status, got)
			}
			c.write(masked(fin|rsv1|opText, deflate(t, helloText(t, shared.person()))))
			if f := c.frame(); (f == "close 1002") != (tt.want == "") {
				t.Errorf("a compressed hello was answered with %q", f)
			}
		})
	}
}

// inRooms is a person whose welcome is long enough to be compressed.
func inRooms() *person {
	p := shared.person()
	for range 4 {
		shared.room(1, p)
	}
	return p
}

// signInDeflated is signIn on a connection that compresses both ways.
func (g *gateway) signInDeflated(tb testing.TB, p *person) *rawClient {
	tb.Helper()
	c, _ := g.upgrade(tb, offerDeflate)
	c.write(masked(fin|rsv1|opText, deflate(tb, helloText(tb, p))))
	if f := c.frame(); !strings.HasPrefix(f, `deflated text {"id":1,"welcome"`) {
		tb.Fatal(f)
	}
	return c
}

func TestCompressedFrames(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *Config) { c.Compression, c.FrameBytes = true, 4<<10 })
	const (
		ask    = `{"id":7,"ping":{}}`
		answer = `text {"id":7,"pong":{}}`
	)
	small := deflate(t, ask)
	for name, tt := range map[string]struct {
		send string
		want []string
	}{
		"compressed":                 {masked(fin|rsv1|opText, small), []string{answer}},
		"as it is":                   {masked(fin|opText, ask), []string{answer}},
		"mixed":                      {masked(fin|rsv1|opText, small) + masked(fin|opText, ask), []string{answer, answer}},
		"fragmented":                 {masked(rsv1|opText, small[:4]) + masked(fin|opPing, "p") + masked(fin|opContinuation, small[4:]), []string{"pong p", answer}},
		"the bit on a continuation":  {masked(rsv1|opText, small[:4]) + masked(fin|rsv1|opContinuation, small[4:]), []string{"close 1002"}},
		"the bit on a ping":          {masked(fin|rsv1|opPing, ""), []string{"close 1002"}},
		"another bit":                {masked(fin|rsv2|opText, small), []string{"close 1002"}},
		"not deflated at all":        {masked(fin|rsv1|opText, "\xff\xff\xff"), []string{"close 1002"}},
		"as large as allowed":        {masked(fin|rsv1|opText, deflate(t, ask+strings.Repeat(" ", 4<<10-len(ask)))), []string{answer}},
		"a byte more, once inflated": {masked(fin|rsv1|opText, deflate(t, ask+strings.Repeat(" ", 4<<10-len(ask)+1))), []string{"close 1009"}},
		"a bomb":                     {masked(fin|rsv1|opText, deflate(t, strings.Repeat(" ", 1<<20))), []string{"close 1009"}},
		"the window is not kept":     {masked(fin|rsv1|opText, small) + masked(fin|rsv1|opText, small), []string{answer, answer}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := g.signInDeflated(t, inRooms())
			c.write(tt.send)
			c.expect(tt.want)
		})
	}
}

// An idle connection that has compressed and inflated keeps neither a compressor (some 600 KiB) nor a window. Not parallel: it
// looks at the heap.
func TestIdleCompressedConnectionsAreSmall(t *testing.T) {
	const connections = 200
	heap := func() int {
		runtime.GC()
		runtime.GC() // what is in a sync.Pool survives one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	each := map[bool]int{}
	for _, compressed := range []bool{false, true} {
		g := newGateway(t, func(c *Config) { c.Compression = compressed })
		before := heap()
		for range connections {
			if compressed {
				g.signInDeflated(t, inRooms())
			} else {
				g.signIn(t, inRooms())
			}
		}
		each[compressed] = (heap() - before) / connections
	}
	t.Logf("with its client, a connection takes %d bytes, a compressed one %d", each[false], each[true])
	if each[true]-each[false] > 32<<10 {
		t.Errorf("a compressed idle connection takes %d bytes, one that is not %d", each[true], each[false])
	}
}

// BenchmarkCompression is one message of several events, each with 128 bytes of content, to one socket: what its bytes and
// the time of a write become.
func BenchmarkCompression(b *testing.B) {
	for _, events := range []int{1, 2, 8, 64} {
		message := chatter(events)
		for _, compressed := range []bool{false, true} {
			b.Run(fmt.Sprintf("events=%d/compressed=%t", events, compressed), func(b *testing.B) {
				g := newGateway(b, func(c *Config) { c.Compression = compressed })
				c, _ := g.upgrade(b, offerDeflate)
				c.write(masked(fin|opText, helloText(b, shared.person())))
				c.frame()
				_ = c.conn.SetDeadline(time.Time{})
				var read atomic.Int64
				done := make(chan struct{})
				go func() {
					defer close(done)
					n, _ := io.Copy(io.Discard, c.conn)
					read.Store(n)
				}()
				ws := g.srv.all()[0].ws
				b.ReportAllocs()
				for b.Loop() {
					if err := ws.Write(context.Background(), websocket.MessageText, message); err != nil {
						b.Fatal(err)
					}
				}
				_ = ws.CloseNow()
				<-done
				b.ReportMetric(float64(read.Load())/float64(b.N*events), "wire-B/event")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
			})
		}
	}
}

// chatter is events of one room as a message of JSON frames: five people, common words.
func chatter(events int) (message []byte) {
	words := strings.Fields(`the be to of and a in that have it for not on with he as you do at this but his by from they we say her she or an
		will my one all would there their what so up out if about who get which go me when make can like time no just him know take people into
		year your good some could them see other than then now look only come its over think also back after use two how our work first well`)
	rng := rand.New(rand.NewPCG(1, 1))
	room, people := ids.New[ids.Room](), [5]ids.User{}
	for i := range people {
		people[i] = ids.New[ids.User]()
	}
	for seq := range uint32(events) {
		var content string
		for len(content) < 128 {
			content += words[rng.IntN(len(words))] + " "
		}
		who := rng.IntN(len(people))
		ev := &chatv1.Event{
			RoomId: room.String(), Seq: 1000 + seq, Ordinal: 990 + seq, Nonce: ids.New[ids.Instance]().String(),
			CreatedAt: timestamppb.New(time.UnixMilli(1_700_000_000_000 + int64(seq)*37)),
			Actor:     &chatv1.Actor{UserId: people[who].String(), Username: fmt.Sprint("user-", who), Avatar: fmt.Sprintf("https://cdn.example/%d.png", who)},
			Body:      &chatv1.Event_Message{Message: &chatv1.MessagePosted{Content: content[:128], Type: "text"}},
		}
		message = wire.JSON.Join(message, wire.AppendEventJSON(nil, ev))
	}
	return message
}
