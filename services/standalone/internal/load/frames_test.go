package load

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// goldenFrames are the examples that define the wire format (proto/testdata/frames).
func goldenFrames(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../../../proto/testdata/frames/server-*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	frames := map[string][]byte{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		frames[strings.TrimSuffix(filepath.Base(file), ".json")] = bytes.TrimSpace(text)
	}
	return frames
}

// What is read by hand is what the generated code reads, in both encodings, alone and after one another.
func TestFramesAreReadAsGenerated(t *testing.T) {
	t.Parallel()
	var allProto, allJSON []byte
	var want []*clientv1.ServerFrame
	frames := goldenFrames(t)
	ours := string(stamp{due: 12345, ref: 67}.appendContent(nil, 128))
	frames["ours"] = []byte(`{"event":{"roomId":"0193c3a0-0000-7000-8000-000000000001","seq":43,"nonce":"n","message":{"content":"` + ours + `","type":"text"}}}`)
	for name, text := range frames {
		f := new(clientv1.ServerFrame)
		if err := protojson.Unmarshal(text, f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want = append(want, f)
		allJSON = append(append(allJSON, text...), '\n')
		allProto = protowire.AppendVarint(allProto, uint64(proto.Size(f)))
		var err error
		if allProto, err = (proto.MarshalOptions{}).MarshalAppend(allProto, f); err != nil {
			t.Fatal(err)
		}
	}
	for enc, message := range map[encoding][]byte{protoEncoding: allProto, jsonEncoding: allJSON} {
		for _, w := range want {
			var got frame
			var err error
			if got, message, err = enc.next(message); err != nil {
				t.Fatalf("%v: %v: %v", enc, w, err)
			}
			switch {
			case got.id != w.GetId():
				t.Errorf("%v: id %d of %v", enc, got.id, w)
			case w.GetEvent() != nil:
				e := w.GetEvent()
				if got.kind != event || string(got.room) != e.GetRoomId() || got.seq != e.GetSeq() ||
					!sameContent(enc, got.content, e.GetMessage().GetContent()) {
					t.Errorf("%v: read %+v (%q, %q) of %v", enc, got, got.room, got.content, w)
				}
			case w.GetAck() != nil:
				if got.kind != ack || string(got.room) != w.GetAck().GetRoomId() || got.seq != w.GetAck().GetSeq() {
					t.Errorf("%v: read %+v of %v", enc, got, w)
				}
			case got.kind != other || !proto.Equal(got.other, w):
				t.Errorf("%v: read %v of %v", enc, got.other, w)
			}
		}
		if len(message) != 0 {
			t.Errorf("%v: %d bytes are left", enc, len(message))
		}
	}
}

// sameContent: escapes of JSON are not undone, of which ours has none; up to the first the content must be right.
func sameContent(enc encoding, got []byte, want string) bool {
	if i := strings.IndexAny(want, "\n\"\\"); enc == jsonEncoding && i >= 0 {
		return strings.HasPrefix(string(got), want[:i])
	}
	return string(got) == want
}

func FuzzNext(f *testing.F) {
	f.Add([]byte(`{"event":{"roomId":"r","seq":7,"message":{"content":"hi"}}}`+"\n"+`{"id":1,"ack":{"roomId":"r","seq":7}}`), true)
	f.Add([]byte{5, 0x1a, 3, 0x0a, 1, 'r'}, false)
	f.Fuzz(func(t *testing.T, message []byte, asJSON bool) {
		enc := protoEncoding
		if asJSON {
			enc = jsonEncoding
		}
		for len(message) > 0 {
			before := len(message)
			var err error
			if _, message, err = enc.next(message); err != nil {
				return
			}
			if len(message) >= before {
				t.Fatal("no progress")
			}
		}
	})
}
