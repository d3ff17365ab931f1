package wire

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// AppendProto encodes one frame as protobuf onto dst, after its length as a varint.
func AppendProto(dst []byte, f *clientv1.ServerFrame) []byte {
	start := len(dst)
	options := proto.MarshalOptions{UseCachedSize: true}
	dst = protowire.AppendVarint(dst, uint64(proto.Size(f)))
	dst, err := options.MarshalAppend(dst, f)
	if err != nil {
		return AppendProto(dst[:start], unencodable(f))
	}
	return dst
}

// eventTag is the number of the field `event` in ServerFrame.
const eventTag = protowire.Number(8)

// AppendEventProto is AppendProto of a frame that holds this event, given in the encoding that it has on NATS: it is
// wrapped, not encoded again. raw must be a valid chatv1.Event.
func AppendEventProto(dst, raw []byte) []byte {
	size := protowire.SizeTag(eventTag) + protowire.SizeBytes(len(raw))
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = protowire.AppendTag(dst, eventTag, protowire.BytesType)
	return protowire.AppendBytes(dst, raw)
}
