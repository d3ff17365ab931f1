package session

import "net"

// boundSendBuffer bounds what the kernel keeps for a peer that does not read (SO_SNDBUF; Linux allows twice as much, for
// its bookkeeping). Left alone, the kernel lets it grow to megabytes: a stalled client would be noticed that much later,
// and many of them would take memory that no queue's limit counts. A connection without a TCP socket under it is left alone;
// 0 bytes leave all alone.
//
// The default of 64 KiB is two of the largest messages that we write: one is on its way while the next is copied. Over
// loopback it is as fast as without a bound, and a client that never reads stalls after 240 KiB (its own kernel's share
// included) instead of 3.8 MiB; NATTER_WRITE_TIMEOUT later it is cut off. A path with a round trip of 200 ms carries 320 KiB/s.
func boundSendBuffer(conn net.Conn, bytes int) error {
	for bytes > 0 {
		switch c := conn.(type) {
		case *net.TCPConn:
			return c.SetWriteBuffer(bytes)
		case interface{ NetConn() net.Conn }: // tls.Conn, and others that wrap one
			conn = c.NetConn()
		default:
			return nil
		}
	}
	return nil
}
