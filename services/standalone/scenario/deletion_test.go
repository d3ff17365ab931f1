package scenario

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/sqlite"

	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// A deleted room is gone from its members at once, and what they said from the database soon after.
func TestDeletedRoom(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	ada, bob := newPerson(t, s.url, "ada"), newPerson(t, s.url, "bob")
	a, b := ada.connect(t, client.ConnOptions{}), bob.connect(t, client.ConnOptions{})
	room, other := ada.newRoom(t, bob), ada.newRoom(t, bob)
	for _, id := range []string{room, other} {
		a.knows(id)
		b.knows(id)
		root := a.say(id, "secret").GetSeq()
		if _, err := b.React(t.Context(), id, root, "👍", false); err != nil {
			t.Fatal(err)
		}
	}
	if err := ada.DeleteRoom(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*device{a, b} {
		item(d, "gone", func(g *clientv1.Gone) bool { return g.GetRoomId() == room })
		if _, err := d.Send(t.Context(), room, "late"); err == nil {
			t.Error("a message was written to a deleted room")
		}
	}
	if _, err := ada.Messages(t.Context(), room, client.Which{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("its history: %v", err)
	}

	var dir string
	for _, kv := range s.processes[0].env {
		if value, ok := strings.CutPrefix(kv, "NATTER_DATA_DIR="); ok {
			dir = value
		}
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "messages.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for deadline := time.Now().Add(patience); ; {
		var said, emoji int
		if err := db.Read().QueryRowContext(t.Context(), "SELECT count(nullif(content, '')), count(nullif(emoji, '')) FROM events").Scan(&said, &emoji); err != nil {
			t.Fatal(err)
		}
		if said == 1 && emoji == 1 { // those of the other room
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages and %d reactions are in the database", said, emoji)
		}
	}
	if page := b.history(other); len(page) != 1 || page[0].GetContent() != "secret" || len(page[0].GetReactions()) != 1 {
		t.Errorf("the other room: %v", page)
	}
}
