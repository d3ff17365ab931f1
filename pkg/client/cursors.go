package client

import (
	"maps"
	"slices"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// cursor is how far the program has been given the log of one room.
type cursor struct {
	// seq of the last event that was queued for the program.
	seq uint32
	// catchingUp: the server was asked for what follows seq; its answer ends with caughtUp or reset. from is where it began.
	catchingUp bool
	from       uint32
	// behind: the program does not keep up. Events are dropped until its queue is empty; then the room is resumed.
	behind bool
}

// verdict says what to do with an event.
type verdict int

const (
	drop    verdict = iota // old, or to be sent again
	deliver                // the next one
	resume                 // something is missing: ask for it
)

// see judges an event by its seq. The cursor moves when the event is delivered.
func (c *cursor) see(seq uint32) verdict {
	switch {
	case seq <= c.seq, c.behind:
		return drop
	case seq == c.seq+1:
		return deliver
	case c.catchingUp:
		return drop // what is being resumed reaches up to it
	}
	return resume
}

// startResume notes that everything after seq was asked for.
func (c *cursor) startResume() { c.catchingUp, c.from = true, c.seq }

// cursors is the cursor of every room, by id.
type cursors map[string]*cursor

// listed takes the head that the server names for a room. A room that was not known starts there: the program gets what
// happens from now on. It reports whether events are missing that nobody asked for yet.
func (cs cursors) listed(room string, head uint32) (missing bool) {
	c, ok := cs[room]
	if !ok {
		cs[room] = &cursor{seq: head}
		return false
	}
	return !c.catchingUp && !c.behind && head > c.seq
}

// helloLimit is how many cursors one frame carries: as JSON one takes up to 67 bytes, and a frame of 400 stays below the
// 32 KiB of a message with room for the token. The rest goes into resume frames.
const helloLimit = 400

// startAll begins a session: every room is resumed from its cursor. It returns the cursors, in frames of helloLimit.
func (cs cursors) startAll() [][]*clientv1.Cursor {
	for _, c := range cs {
		c.behind = false
	}
	return cs.start(slices.Sorted(maps.Keys(cs)))
}

// startBehind resumes the rooms that were dropped when the program did not keep up.
func (cs cursors) startBehind() [][]*clientv1.Cursor {
	var rooms []string
	for id, c := range cs {
		if c.behind && !c.catchingUp {
			c.behind = false
			rooms = append(rooms, id)
		}
	}
	return cs.start(rooms)
}

func (cs cursors) start(rooms []string) [][]*clientv1.Cursor {
	list := make([]*clientv1.Cursor, len(rooms))
	for i, id := range rooms {
		cs[id].startResume()
		list[i] = &clientv1.Cursor{RoomId: id, Seq: cs[id].seq}
	}
	return slices.Collect(slices.Chunk(list, helloLimit))
}
