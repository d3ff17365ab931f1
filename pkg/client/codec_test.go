package client

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	pong := func(id uint32) *clientv1.ServerFrame {
		return &clientv1.ServerFrame{Id: id, Frame: &clientv1.ServerFrame_Pong{Pong: &clientv1.Pong{}}}
	}
	var binary []byte
	for id := range uint32(3) {
		data, err := proto.Marshal(pong(id + 1))
		if err != nil {
			t.Fatal(err)
		}
		binary = protowire.AppendBytes(binary, data)
	}
	for _, tt := range []struct {
		name     string
		encoding Encoding
		message  string
		want     int
		broken   bool
	}{
		{"several in JSON", JSON, `{"id":1,"pong":{}}` + "\n" + `{"id":2,"pong":{}}` + "\n\n" + `{"id":3,"pong":{},"later":{"x":[1]}}`, 3, false},
		{"several in protobuf", Protobuf, string(binary), 3, false},
		{"nothing", JSON, "", 0, false},
		{"cut JSON", JSON, `{"id":1,"po`, 0, true},
		{"cut length", Protobuf, "\xff", 0, true},
		{"cut frame", Protobuf, string(binary[:len(binary)-1]), 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got int
			err := tt.encoding.decode([]byte(tt.message), func(f *clientv1.ServerFrame) error {
				if got++; f.GetId() != uint32(got) || f.GetPong() == nil {
					t.Errorf("frame %d = %v", got, f)
				}
				return nil
			})
			if got != tt.want || (err != nil) != tt.broken {
				t.Errorf("%d frames and %v", got, err)
			}
		})
	}
}

// No message of a server makes the client fail in another way than with an error.
func FuzzDecode(f *testing.F) {
	f.Add(true, []byte(`{"event":{"roomId":"r","seq":1}}`+"\n{}"))
	f.Add(false, []byte{2, 8, 1, 0})
	f.Fuzz(func(t *testing.T, asJSON bool, message []byte) {
		encoding := Protobuf
		if asJSON {
			encoding = JSON
		}
		err := encoding.decode(message, func(f *clientv1.ServerFrame) error {
			_, err := protojson.Marshal(f)
			return err
		})
		_ = err
	})
}

func TestTheTwoEncodingsAreNamed(t *testing.T) {
	t.Parallel()
	if Protobuf.subprotocol() != "natter.v1.proto" || Protobuf.messageType() != websocket.MessageBinary ||
		JSON.subprotocol() != "natter.v1.json" || JSON.messageType() != websocket.MessageText {
		t.Error("the subprotocols of DESIGN §5 are natter.v1.proto and natter.v1.json")
	}
}

// The golden files are the protocol as every client and the gateway know it.
func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	texts, err := filepath.Glob("../../proto/testdata/frames/*.json")
	if err != nil || len(texts) < 30 {
		t.Fatalf("%d golden files, error %v", len(texts), err)
	}
	for _, name := range texts {
		text, binary := read(t, name), read(t, strings.TrimSuffix(name, ".json")+".bin")
		if strings.HasPrefix(filepath.Base(name), "server-") {
			if a, b := decodeOne(t, JSON, text), decodeOne(t, Protobuf, binary); !proto.Equal(a, b) {
				t.Errorf("%s: %v as JSON, %v as protobuf", name, a, b)
			}
			continue
		}
		var f clientv1.ClientFrame
		if err := protojson.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		if got, err := Protobuf.encode(&f); err != nil || !bytes.Equal(got, binary) {
			t.Errorf("%s: encoded %q, error %v", name, got, err)
		}
	}
}

func decodeOne(t *testing.T, e Encoding, message []byte) (got *clientv1.ServerFrame) {
	t.Helper()
	err := e.decode(message, func(f *clientv1.ServerFrame) error {
		if got != nil {
			t.Error("more than one frame")
		}
		got = f
		return nil
	})
	if err != nil || got == nil {
		t.Fatalf("%q: frame %v, error %v", message, got, err)
	}
	return got
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
