package client

import (
	"bytes"
	"fmt"

	"github.com/coder/websocket"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Encoding is how frames are written on the wire; both say the same.
type Encoding int

// The encodings.
const (
	Protobuf Encoding = iota // smaller and faster: the default
	JSON                     // readable in a trace
)

func (e Encoding) subprotocol() string {
	if e == JSON {
		return "natter.v1.json"
	}
	return "natter.v1.proto"
}

func (e Encoding) messageType() websocket.MessageType {
	if e == JSON {
		return websocket.MessageText
	}
	return websocket.MessageBinary
}

// encode returns a frame in the form in which frames can be put one after the other into one WebSocket message.
func (e Encoding) encode(f *clientv1.ClientFrame) ([]byte, error) {
	if e == JSON {
		data, err := protojson.Marshal(f)
		return append(data, '\n'), err
	}
	data := protowire.AppendVarint(nil, uint64(proto.Size(f)))
	return proto.MarshalOptions{}.MarshalAppend(data, f)
}

// decode calls each for the frames of one WebSocket message, in order, until it fails. Unknown fields are ignored.
func (e Encoding) decode(message []byte, each func(*clientv1.ServerFrame) error) error {
	for len(message) > 0 {
		data, rest, err := e.cut(message)
		if err != nil {
			return err
		}
		message = rest
		var f clientv1.ServerFrame
		if e == JSON {
			if len(bytes.TrimSpace(data)) == 0 {
				continue
			}
			err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, &f)
		} else {
			err = proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, &f)
		}
		if err != nil {
			return fmt.Errorf("the server sent a frame that cannot be read: %w", err)
		}
		if err := each(&f); err != nil {
			return err
		}
	}
	return nil
}

// cut splits the first frame off.
func (e Encoding) cut(message []byte) (frame, rest []byte, err error) {
	if e == JSON {
		frame, rest, _ = bytes.Cut(message, []byte{'\n'})
		return frame, rest, nil
	}
	frame, n := protowire.ConsumeBytes(message)
	if n < 0 {
		return nil, nil, fmt.Errorf("the server sent a broken length: %w", protowire.ParseError(n))
	}
	return frame, message[n:], nil
}
