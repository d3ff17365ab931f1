package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/fault"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

// badJSON: what is wrong, and what the client is told. `id field` of each frame; field "" means the frame is fine.
var badJSON = []struct {
	name, message string
	want          []string
}{
	{"empty message", "", nil},
	{"empty lines", "\n \n\n", nil},
	{"not JSON", "hello", []string{"0 frame"}},
	{"not an object", `[1]`, []string{"0 frame"}},
	{"two values", `{"id":1} {"id":2}`, []string{"0 frame"}},
	{"no kind", `{"id":1}`, []string{"1 "}},
	{"unknown kind", `{"id":1,"dance":{"seq":1}}`, []string{"1 "}},
	{"unknown field", `{"id":1,"ping":{"later":[{}]}}`, []string{"1 "}},
	{"bad id", `{"id":-1,"ping":{}}`, []string{"0 id"}},
	{"id too big", `{"id":4294967296,"ping":{}}`, []string{"0 id"}},
	{"body is no object", `{"id":2,"ping":7}`, []string{"2 ping"}},
	{"two kinds", `{"id":3,"ping":{},"read":{}}`, []string{"3 frame"}},
	{"kind twice", `{"id":3,"ping":{},"ping":{}}`, []string{"3 frame"}},
	{"wrong type", `{"id":4,"send":{"roomId":"r","content":5}}`, []string{"4 content"}},
	{"negative seq", `{"id":5,"edit":{"seq":-1}}`, []string{"5 seq"}},
	{"wrong type in a list", `{"id":6,"resume":{"rooms":[{"seq":"x"}]}}`, []string{"6 rooms"}},
	{"lone surrogate", `{"id":7,"send":{"content":"\ud83d"}}`, []string{"7 content"}},
	{"invalid UTF-8", "{\"id\":8,\"send\":{\"content\":\"\xff\"}}", []string{"8 content"}},
	{"unknown field too deep", `{"id":9,"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"ping":{}}`, []string{"9 frame"}},
	{"a bad one between good ones", "{\"id\":1,\"ping\":{}}\r\n{\n{\"id\":3,\"ping\":{}}", []string{"1 ", "0 frame", "3 "}},
}

func TestBadJSON(t *testing.T) {
	t.Parallel()
	for _, test := range badJSON {
		if got := outcome(t, wire.JSON, []byte(test.message)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q: got %q, want %q", test.name, test.message, got, test.want)
		}
	}
}

func TestBadProto(t *testing.T) {
	t.Parallel()
	ping := mustMarshal(t, &clientv1.ClientFrame{Id: 1, Frame: &clientv1.ClientFrame_Ping{Ping: &clientv1.Ping{}}})
	badString := protowire.AppendBytes(protowire.AppendTag([]byte{8, 2}, 4, protowire.BytesType), []byte{26, 1, 0xff}) // send.content = "\xff"
	unknown := protowire.AppendBytes(protowire.AppendTag([]byte{8, 3}, 999, protowire.BytesType), nil)
	for name, test := range map[string]struct {
		message []byte
		want    []string
	}{
		"empty message":      {nil, nil},
		"empty frame":        {[]byte{0}, []string{"0 "}},
		"two frames":         {slices.Concat(delimited(ping), delimited(ping)), []string{"1 ", "1 "}},
		"unknown kind":       {delimited(unknown), []string{"3 "}},
		"length beyond":      {append(delimited(ping), 5, 1), []string{"1 ", "0 frame"}},
		"endless length":     {slices.Repeat([]byte{0xff}, 20), []string{"0 frame"}},
		"invalid UTF-8":      {slices.Concat(delimited(badString), delimited(ping)), []string{"2 frame", "1 "}},
		"cut inside a field": {delimited(ping[:len(ping)-1]), []string{"1 frame"}},
	} {
		if got := outcome(t, wire.Proto, test.message); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// outcome is `id field` of each frame of a message.
func outcome(t *testing.T, e wire.Encoding, message []byte) (got []string) {
	t.Helper()
	for f, err := range e.Frames(message) {
		field := ""
		if err != nil {
			if code := fault.CodeOf(err); code != fault.InvalidArgument || f.GetFrame() != nil {
				t.Errorf("%q: code %s, frame %v", message, code, f)
			}
			field = fault.From(err).Field
		}
		got = append(got, fmt.Sprint(f.GetId(), " ", field))
	}
	return got
}

func TestNoFrameIsDecodedAfterTheCallerStops(t *testing.T) {
	t.Parallel()
	one := delimited(mustMarshal(t, &clientv1.ClientFrame{Id: 1}))
	for e, message := range map[wire.Encoding][]byte{wire.JSON: []byte("{}\n{}"), wire.Proto: append(one, one...)} {
		n := 0
		for _, err := range e.Frames(message) {
			if n++; err != nil {
				t.Error(err)
			}
			break
		}
		if n != 1 {
			t.Errorf("%s: %d frames", e.Subprotocol(), n)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, test := range badJSON {
		f.Add([]byte(test.message))
	}
	for _, frame := range clientFrames() {
		f.Add(marshalJSON(f, frame))
	}
	f.Fuzz(func(t *testing.T, message []byte) { roundTrip(t, wire.JSON, message) })
}

func FuzzDecodeProto(f *testing.F) {
	for _, frame := range clientFrames() {
		f.Add(delimited(mustMarshal(f, frame)))
	}
	f.Fuzz(func(t *testing.T, message []byte) { roundTrip(t, wire.Proto, message) })
}

// roundTrip: whatever is accepted means the same in both encodings; whatever is refused is refused by name.
func roundTrip(t *testing.T, e wire.Encoding, message []byte) {
	t.Helper()
	for frame, err := range e.Frames(message) {
		if err != nil {
			if fault.CodeOf(err) != fault.InvalidArgument || fault.From(err).Field == "" {
				t.Fatalf("%q: %v", message, err)
			}
			continue
		}
		for other, encoded := range map[wire.Encoding][]byte{wire.JSON: marshalJSON(t, frame), wire.Proto: delimited(mustMarshal(t, frame))} {
			if again := decodeOne(t, other, encoded); !proto.Equal(frame, again) {
				t.Fatalf("%q: decoded %v, by %s %v", message, frame, other.Subprotocol(), again)
			}
		}
	}
}

func delimited(frame []byte) []byte { return protowire.AppendBytes(nil, frame) }

func mustMarshal(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func BenchmarkDecodeSend(b *testing.B) {
	send := clientFrames()["client-send"]
	for e, message := range map[wire.Encoding][]byte{wire.JSON: marshalJSON(b, send), wire.Proto: delimited(mustMarshal(b, send))} {
		b.Run(e.Subprotocol(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range e.Frames(message) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
