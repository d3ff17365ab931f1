package load

import (
	"strconv"
	"time"
)

// stampLen is the size of a stamp in bytes.
const stampLen = 2 * hexLen

const hexLen = 16

// stamp is what a message of ours carries in its content: when it was due, and which it is. Times are in nanoseconds since
// the start of the run, so that a clock that is set meanwhile does no harm.
type stamp struct {
	due time.Duration
	// ref names the sender and the slot of its window.
	ref uint64
}

// appendContent appends a content of size bytes.
func (s stamp) appendContent(b []byte, size int) []byte {
	b = appendHex(appendHex(b, uint64(s.due)), s.ref)
	for range size - stampLen {
		b = append(b, '.')
	}
	return b
}

// parseStamp reads the stamp of a content; false: it is not one of ours.
func parseStamp(content []byte) (stamp, bool) {
	if len(content) < stampLen {
		return stamp{}, false
	}
	due, ok1 := parseHex(content[:hexLen])
	ref, ok2 := parseHex(content[hexLen:stampLen])
	return stamp{time.Duration(due), ref}, ok1 && ok2
}

func appendHex(b []byte, v uint64) []byte {
	digits := strconv.AppendUint(make([]byte, 0, hexLen), v, 16)
	for range hexLen - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

func parseHex(b []byte) (v uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}
