package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	"github.com/natter-chat/natter/services/edge-gateway/internal/wire"
)

// go test ./internal/wire -run Golden -update rewrites the files. Every client of the protocol tests against them, so a
// change of an existing file is a change of the protocol.
var update = flag.Bool("update", false, "rewrite the golden files")

const golden = "../../../../proto/testdata/frames"

func TestGoldenServerFrames(t *testing.T) {
	for name, frame := range serverFrames() {
		compare(t, name+".json", append(wire.AppendJSON(nil, frame), '\n'))
		compare(t, name+".bin", wire.AppendProto(nil, frame))
	}
}

func TestGoldenClientFrames(t *testing.T) {
	for name, frame := range clientFrames() {
		if *update {
			var text, binary bytes.Buffer
			if err := json.Compact(&text, marshalJSON(t, frame)); err != nil {
				t.Fatal(err)
			}
			if _, err := protodelim.MarshalTo(&binary, frame); err != nil {
				t.Fatal(err)
			}
			compare(t, name+".json", append(text.Bytes(), '\n'))
			compare(t, name+".bin", binary.Bytes())
		}
		for encoding, file := range map[wire.Encoding]string{wire.JSON: name + ".json", wire.Proto: name + ".bin"} {
			got := decodeOne(t, encoding, read(t, file))
			if !proto.Equal(got, frame) {
				t.Errorf("%s: got %v, want %v", file, got, frame)
			}
		}
	}
}

// Every kind of frame and of event has its golden files, and no file is left over.
func TestGoldenFilesAreComplete(t *testing.T) {
	covered := map[string]bool{}
	var names []string
	for name, f := range clientFrames() {
		names = append(names, name+".json", name+".bin")
		covered["client "+kindOf(f)] = true
	}
	for name, f := range serverFrames() {
		names = append(names, name+".json", name+".bin")
		covered["server "+kindOf(f)] = true
		if ev := f.GetEvent(); ev != nil {
			covered["event "+kindOf(ev)] = true
		}
	}
	for prefix, message := range map[string]proto.Message{
		"client ": &clientv1.ClientFrame{}, "server ": &clientv1.ServerFrame{}, "event ": events()["message"],
	} {
		kinds := message.ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
		for i := range kinds.Len() {
			if kind := prefix + kinds.Get(i).JSONName(); !covered[kind] {
				t.Errorf("no golden file for %s", kind)
			}
		}
	}
	entries, err := os.ReadDir(golden)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			t.Errorf("%s belongs to no frame", entry.Name())
		}
	}
}

// kindOf is the JSON name of the field that is set in the only oneof of a message.
func kindOf(m proto.Message) string {
	r := m.ProtoReflect()
	return r.WhichOneof(r.Descriptor().Oneofs().Get(0)).JSONName()
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(golden, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(golden, file), got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, file); !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", file, got, want)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(golden, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func marshalJSON(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	b, err := protojson.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func decodeOne(t *testing.T, e wire.Encoding, message []byte) *clientv1.ClientFrame {
	t.Helper()
	var got *clientv1.ClientFrame
	for f, err := range e.Frames(message) {
		if err != nil || got != nil {
			t.Fatalf("%q: second frame %v, error %v", message, got, err)
		}
		got = f
	}
	return got
}
