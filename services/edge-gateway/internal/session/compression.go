package session

import "github.com/coder/websocket"

// compression is how an upgrade answers a client that offers permessage-deflate (RFC 7692). Neither side may keep its
// window from one message to the next, so a connection has no compressor of its own: a message borrows one from a pool,
// and gives it back before it is written to the socket. Messages of less than 512 bytes are sent as they are.
//
// BenchmarkCompression, JSON events of 128 bytes of content: one alone is sent as it is (452 bytes); of 8 in a message 29 %
// is left, of 64 21 %, for 5 to 7 µs of CPU per event and connection, about as much as the rest of a delivery costs. An
// idle connection takes 4 KiB more once its client has sent something compressed.
func (c Config) compression() websocket.CompressionMode {
	if c.Compression {
		return websocket.CompressionNoContextTakeover
	}
	return websocket.CompressionDisabled
}
