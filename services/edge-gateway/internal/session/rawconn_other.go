//go:build !unix

package session

import "syscall"

// tryWriter is for systems without non-blocking writes of this kind: a connection that is written to waits on a goroutine.
type tryWriter struct{}

func newTryWriter() *tryWriter { return &tryWriter{} }

func (*tryWriter) write(syscall.RawConn, []byte) (int, error) { return 0, nil }

// awaitInput returns at once: who reads next waits.
func awaitInput(syscall.RawConn) {}
