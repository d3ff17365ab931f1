package wire_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

// Frames are generated from their descriptors, so a field that is added to a .proto file and forgotten in json.go is found.
func TestJSONEqualsProtojson(t *testing.T) {
	t.Parallel()
	kinds := new(clientv1.ServerFrame).ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	for i := range kinds.Len() {
		t.Run(kinds.Get(i).JSONName(), rapid.MakeCheck(func(t *rapid.T) {
			frame := &clientv1.ServerFrame{Id: rapid.Uint32().Draw(t, "id")}
			generate(t, frame.ProtoReflect().Mutable(kinds.Get(i)).Message())
			equalsProtojson(t, frame)
		}))
	}
}

func FuzzJSONEqualsProtojson(f *testing.F) {
	for _, frame := range serverFrames() {
		f.Add(mustMarshal(f, frame))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		frame := new(clientv1.ServerFrame)
		if proto.Unmarshal(raw, frame) == nil {
			equalsProtojson(t, frame)
		}
	})
}

func equalsProtojson(t rapid.TB, frame *clientv1.ServerFrame) {
	got := wire.AppendJSON([]byte("before"), frame)
	text, err := protojson.Marshal(frame)
	if err != nil { // a time beyond the year 9999: protojson has no answer; ours must be JSON that a client can read
		if !json.Valid(bytes.TrimPrefix(got, []byte("before"))) {
			t.Fatalf("%v: invalid JSON %s", frame, got)
		}
		return
	}
	want := bytes.NewBufferString("before")
	if err := json.Compact(want, text); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	if ev := frame.GetEvent(); ev != nil && frame.GetId() == 0 {
		if alone := wire.AppendEventJSON([]byte("before"), ev); !bytes.Equal(alone, got) {
			t.Fatalf("as an event: %s\nas a frame:  %s", alone, got)
		}
	}
}

// generate fills a message with random fields: each set half the time, one of each oneof.
func generate(t *rapid.T, m protoreflect.Message) {
	if ts, ok := m.Interface().(*timestamppb.Timestamp); ok {
		ts.Seconds = rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds")
		ts.Nanos = rapid.SampledFrom([]int32{0, 1, 120_000_000, 123_456_000, 999_999_999}).Draw(t, "nanos")
		return
	}
	fields := m.Descriptor().Fields()
	chosen := -1
	if oneofs := m.Descriptor().Oneofs(); oneofs.Len() > 0 {
		of := oneofs.Get(0).Fields()
		chosen = of.Get(rapid.IntRange(0, of.Len()-1).Draw(t, "oneof")).Index()
	}
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.ContainingOneof() != nil && i != chosen, field.ContainingOneof() == nil && rapid.Bool().Draw(t, "unset"):
		case field.IsList():
			list := m.Mutable(field).List()
			for range rapid.IntRange(0, 2).Draw(t, "items") {
				if field.Kind() == protoreflect.MessageKind {
					generate(t, list.AppendMutable().Message())
				} else {
					list.Append(scalar(t, field))
				}
			}
		case field.Kind() == protoreflect.MessageKind:
			generate(t, m.Mutable(field).Message())
		default:
			m.Set(field, scalar(t, field))
		}
	}
}

func scalar(t *rapid.T, field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		nasty := rapid.SampledFrom([]rune{0, 1, '\b', '\f', '\n', '\r', '\t', 0x1f, '"', '\\', '/', '<', '&', 0x7f, 0x2028, 0xfffd, '👍', 0x10ffff})
		return protoreflect.ValueOfString(rapid.StringOf(rapid.OneOf(nasty, rapid.Rune())).Draw(t, "string"))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "uint32"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true) // false is the same as unset
	}
	t.Fatalf("the generator does not know %s", field.Kind())
	return protoreflect.Value{}
}

// What cannot be encoded must not come from our services; if it does, the client gets JSON and an answer all the same.
func TestUnencodable(t *testing.T) {
	t.Parallel()
	bad := "a\xffb\xc3"
	ev := &chatv1.Event{Nonce: bad, CreatedAt: &timestamppb.Timestamp{Seconds: 1 << 60}}
	if got, want := string(wire.AppendEventJSON(nil, ev)), `{"event":{"nonce":"a`+"\uFFFD"+`b`+"\uFFFD"+`"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	page := &clientv1.ServerFrame{Id: 7, Frame: &clientv1.ServerFrame_Page{Page: &clientv1.Page{RoomId: bad}}}
	const failed = `{"id":7,"error":{"code":"internal","message":"the answer could not be encoded"}}`
	if got := string(wire.AppendJSON(nil, page)); got != failed {
		t.Errorf("got %s, want %s", got, failed)
	}
	want := new(clientv1.ServerFrame)
	if err := protojson.Unmarshal([]byte(failed), want); err != nil {
		t.Fatal(err)
	}
	if got := wire.AppendProto(nil, page); !bytes.Equal(got, wire.AppendProto(nil, want)) {
		t.Errorf("got %q", got)
	}
}

// The bytes of an event on NATS become a frame without being decoded.
func TestAppendEventProto(t *testing.T) {
	t.Parallel()
	for name, ev := range events() {
		want := wire.AppendProto([]byte("before"), &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: ev}})
		if got := wire.AppendEventProto([]byte("before"), mustMarshal(t, ev)); !bytes.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// Joined frames come apart again. The decoder is for client frames; ping and pong have a twin on the other side.
func TestJoin(t *testing.T) {
	t.Parallel()
	for _, e := range []wire.Encoding{wire.JSON, wire.Proto} {
		var message []byte
		for id := range uint32(3) {
			message = e.Join(message, e.Append(nil, &clientv1.ServerFrame{Id: id + 1}))
		}
		var ids []uint32
		for f, err := range e.Frames(message) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, f.GetId())
		}
		if len(ids) != 3 || ids[0] != 1 || ids[2] != 3 {
			t.Errorf("%s: %q came apart as %v", e.Subprotocol(), message, ids)
		}
	}
}

func TestForSubprotocol(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		e  wire.Encoding
		ok bool
	}{"": {wire.JSON, true}, "natter.v1.json": {wire.JSON, true}, "natter.v1.proto": {wire.Proto, true}, "graphql-ws": {wire.JSON, false}} {
		if e, ok := wire.ForSubprotocol(name); e != want.e || ok != want.ok {
			t.Errorf("%q: got %v %v", name, e, ok)
		}
	}
}

func TestAppendingAnEventDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for name, ev := range events() {
		raw := mustMarshal(t, ev)
		if n := testing.AllocsPerRun(100, func() { buf = wire.AppendEventJSON(buf[:0], ev) }); n != 0 {
			t.Errorf("%s: %v allocations as JSON", name, n)
		}
		if n := testing.AllocsPerRun(100, func() { buf = wire.AppendEventProto(buf[:0], raw) }); n != 0 {
			t.Errorf("%s: %v allocations as protobuf", name, n)
		}
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	ev := events()["message"]
	ev.CreatedAt = timestamppb.New(time.UnixMilli(1_700_000_000_123))
	raw := mustMarshal(b, ev)
	buf := make([]byte, 0, 4096)
	for name, encode := range map[string]func(){
		"json":  func() { buf = wire.AppendEventJSON(buf[:0], ev) },
		"proto": func() { buf = wire.AppendEventProto(buf[:0], raw) },
		"protojson": func() {
			buf, _ = protojson.MarshalOptions{}.MarshalAppend(buf[:0], &clientv1.ServerFrame{Frame: &clientv1.ServerFrame_Event{Event: ev}})
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				encode()
			}
		})
	}
}
