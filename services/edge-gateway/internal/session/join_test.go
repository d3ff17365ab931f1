package session

import (
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// A list of cursors is taken whole, with the last cursor of each room, or refused with the field: never in part.
func FuzzParseCursors(f *testing.F) {
	room := ids.New[ids.Room]().String()
	f.Add(room, uint32(7), 1)
	f.Add(strings.ToUpper(room), uint32(0), 2)
	f.Add("natter.room.>", uint32(1<<32-1), 3)
	f.Add(room, uint32(1), maxCursors+1)
	f.Fuzz(func(t *testing.T, text string, seq uint32, count int) {
		count = min(max(count, 0), 2*maxCursors)
		var list []*clientv1.Cursor
		for i := range count {
			list = append(list, &clientv1.Cursor{RoomId: text, Seq: seq + uint32(i)})
		}
		cursors, err := parseCursors("resume.rooms", list)
		id, malformed := ids.ParseRoom(text)
		if wrong := count > maxCursors || (count > 0 && malformed != nil); (err != nil) != wrong {
			t.Fatalf("%d cursors of %q: %v", count, text, err)
		}
		if err != nil {
			if f := fault.From(err); f.Code != fault.InvalidArgument || !strings.HasPrefix(f.Field, "resume.rooms") || cursors != nil {
				t.Fatalf("refused with %v and %d cursors", f, len(cursors))
			}
			return
		}
		if c, ok := cursors[id]; count > 0 && (!ok || len(cursors) != 1 || c.Room != id || c.Seq != seq+uint32(count-1) || !c.Resumed) {
			t.Fatalf("got %+v", cursors)
		}
	})
}
