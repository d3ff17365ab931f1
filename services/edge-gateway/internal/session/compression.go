package session

import "github.com/coder/websocket"

// compression is how an upgrade answers a client that offers permessage-deflate (RFC 7692). Neither side may keep its
// window from one message to the next, so a connection has no compressor of its own: a message borrows one from a pool,
// and gives it back before it is written to the socket. Messages of less than 512 bytes are sent as they are.
func (c Config) compression() websocket.CompressionMode {
	if c.Compression {
		return websocket.CompressionNoContextTakeover
	}
	return websocket.CompressionDisabled
}
