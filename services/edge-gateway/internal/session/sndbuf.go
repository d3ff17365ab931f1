package session

import "net"

// boundSendBuffer bounds what the kernel keeps for a peer that does not read (SO_SNDBUF; Linux allows twice as much, for
// its bookkeeping). Left alone, the kernel lets it grow to megabytes: a stalled client would be noticed that much later,
// and many of them would take memory that no queue's limit counts. A connection without a TCP socket under it is left alone;
// 0 bytes leave all alone.
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
