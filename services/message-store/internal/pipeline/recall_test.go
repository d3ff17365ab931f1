package pipeline_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Slow mode counts what was posted through other instances, and before this one knew the room.
func TestSlowModeIsRecalled(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	first := start(t, f, openSQLite(t, path), 1)
	ack(t, first, f, f.update(&chatv1.RoomUpdated{SlowModeSeconds: 3600}))
	posted := ack(t, first, f, f.send(2, "mine", "hi"))
	for i := range 9 { // several chunks of the log's tail
		var noise []*busv1.Command
		for j := range 64 {
			noise = append(noise, f.send(1, fmt.Sprint(i, " ", j), "a moderator is not held up"))
		}
		for _, o := range submit(first, f.room, noise...) {
			if o.GetAck() == nil {
				t.Fatal(o)
			}
		}
	}
	second := start(t, f, openSQLite(t, path), 1)
	o := submit(second, f.room, f.send(2, "again", "hi"))[0]
	wait := time.Duration(o.GetFault().GetRetryAfterMs()) * time.Millisecond
	if code(o) != fault.ResourceExhausted || wait <= 59*time.Minute || wait > time.Hour {
		t.Errorf("the next message: %v", o)
	}
	if o := submit(second, f.room, f.send(2, "mine", "hi"))[0]; o.GetAck().GetSeq() != posted.GetSeq() || !o.GetAck().GetDuplicate() {
		t.Errorf("the same message again: %v", o)
	}
	ack(t, second, f, f.send(3, "theirs", "hi"))
	if o := submit(first, f.room, f.send(3, "theirs too", "hi"))[0]; code(o) != fault.ResourceExhausted {
		t.Errorf("through the first instance: %v", o)
	}
}

// An instance that did not see the room die knows by its log that it did.
func TestDeletedRoomStaysDeleted(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	first := start(t, f, openSQLite(t, path), 1)
	ack(t, first, f, f.send(0, "a", "hi"))
	end := f.update(&chatv1.RoomUpdated{IsDeleted: true})
	seq := ack(t, first, f, end).GetSeq()
	second := start(t, f, openSQLite(t, path), 1)
	if deleted, err := second.Deleted(t.Context(), f.room, 0); err != nil || !deleted {
		t.Errorf("deleted: %t, %v", deleted, err)
	}
	if _, _, err := second.Role(t.Context(), f.room, f.users[0], 0); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the role in it: %v", err)
	}
	if o := submit(second, f.room, f.send(0, "b", "hi"))[0]; code(o) != fault.NotFound {
		t.Errorf("a message: %v", o)
	}
	if o := submit(second, f.room, end)[0]; o.GetAck().GetSeq() != seq || !o.GetAck().GetDuplicate() {
		t.Errorf("the deletion again: %v", o)
	}
}

// A room that everybody left is not a deleted one.
func TestEmptyRoom(t *testing.T) {
	t.Parallel()
	f, path := newFixture(), dbPath(t)
	first := start(t, f, openSQLite(t, path), 1)
	for user := range f.users {
		ack(t, first, f, f.leave(user, "left"))
	}
	second := start(t, f, openSQLite(t, path), 1)
	if o := submit(second, f.room, f.send(0, "b", "hi"))[0]; code(o) != fault.PermissionDenied {
		t.Errorf("a message: %v", o)
	}
	ack(t, second, f, f.join(0, "owner"))
	ack(t, second, f, f.send(0, "c", "hi"))
}
