// Package wire is the encoding of the client protocol (DESIGN §5): ClientFrame and ServerFrame as JSON or as protobuf.
// Nothing outside this package knows how a frame looks in bytes. The gateway's sessions decode with Encoding.Frames; its
// room feeds encode an event once per encoding and join the encoded frames of a connection with Encoding.Join.
package wire

import (
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Encoding is one of the two subprotocols of the WebSocket.
type Encoding uint8

const (
	// JSON is the proto3 JSON mapping, in text messages; several frames in one message are separated by a line feed.
	JSON Encoding = iota
	// Proto is protobuf in binary messages; each frame is preceded by its length as a varint.
	Proto
	// Encodings is how many there are: the size of an array that holds something per encoding.
	Encodings = iota
)

// Subprotocol is the name of an encoding in Sec-WebSocket-Protocol.
func (e Encoding) Subprotocol() string {
	if e == Proto {
		return "natter.v1.proto"
	}
	return "natter.v1.json"
}

// ForSubprotocol is the encoding of a subprotocol's name; of no name at all: JSON.
func ForSubprotocol(name string) (e Encoding, ok bool) {
	switch name {
	case "", JSON.Subprotocol():
		return JSON, true
	case Proto.Subprotocol():
		return Proto, true
	}
	return JSON, false
}

// Append encodes one frame onto dst.
func (e Encoding) Append(dst []byte, f *clientv1.ServerFrame) []byte {
	if e == Proto {
		return AppendProto(dst, f)
	}
	return AppendJSON(dst, f)
}

// Join appends an encoded frame to a message that holds those before it, or is empty.
func (e Encoding) Join(message, frame []byte) []byte {
	if e == JSON && len(message) > 0 {
		message = append(message, '\n')
	}
	return append(message, frame...)
}

// unencodable is sent in place of a frame that cannot be encoded: one with invalid UTF-8 or a time beyond the year 9999.
// Both are refused at the door, so this is a bug of ours; the client still gets an answer to its request.
func unencodable(f *clientv1.ServerFrame) *clientv1.ServerFrame {
	return &clientv1.ServerFrame{Id: f.GetId(), Frame: &clientv1.ServerFrame_Error{Error: &clientv1.Error{
		Code: "internal", Message: "the answer could not be encoded",
	}}}
}
