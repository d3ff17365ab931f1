package subject

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	documents "github.com/natter-chat/natter/proto"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	room, user := ids.New[ids.Room](), ids.New[ids.User]()
	if got, signal, ok := ParseRoom(RoomEvent(room)); !ok || signal || got != room {
		t.Errorf("ParseRoom(RoomEvent) = %v %v %v", got, signal, ok)
	}
	if got, signal, ok := ParseRoom(RoomSignal(room)); !ok || !signal || got != room {
		t.Errorf("ParseRoom(RoomSignal) = %v %v %v", got, signal, ok)
	}
	for _, s := range []string{In(room), InAny(room)} {
		if got, ok := ParseIn(s); !ok || got != room {
			t.Errorf("ParseIn(%s) = %v %v", s, got, ok)
		}
	}
	if got, ok := ParseUser(UserEvent(user)); !ok || got != user {
		t.Errorf("ParseUser = %v %v", got, ok)
	}
}

// The partition of a room is wire format: a change of the hash would split every running cluster.
func TestPartitionIsFixed(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]int{
		"01920000-0000-7000-8000-000000000000": 26,
		"01920000-0000-7000-8000-000000000001": 13,
		"0192abcd-1234-7abc-8def-0123456789ab": 2,
	} {
		room, err := ids.ParseRoom(id)
		if err != nil {
			t.Fatal(err)
		}
		if got := Partition(room); got != want {
			t.Errorf("Partition(%s) = %d, want %d", id, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("natter.room.*.event")
	f.Add("natter.in.any.>")
	f.Add(RoomEvent(ids.Room{}))
	f.Fuzz(func(t *testing.T, s string) {
		if room, signal, ok := ParseRoom(s); ok {
			want := RoomEvent(room)
			if signal {
				want = RoomSignal(room)
			}
			if want != s {
				t.Errorf("ParseRoom(%q) accepted what RoomEvent does not build", s)
			}
		}
		if user, ok := ParseUser(s); ok && UserEvent(user) != s {
			t.Errorf("ParseUser(%q) accepted what UserEvent does not build", s)
		}
		ParseIn(s)
	})
}

// proto/asyncapi.yaml lists every subject; here it meets what is really sent.
func TestSubjectsAreDocumented(t *testing.T) {
	t.Parallel()
	room, user := ids.New[ids.Room](), ids.New[ids.User]()
	partition := strconv.Itoa(Partition(room))
	for _, subject := range []string{
		RPC("message-store", "GetHeads"), In(room), InAny(room), RoomEvent(room), RoomSignal(room), Head(Partition(room)),
		UserEvent(user), Presence(user), PresenceQuery, Live("{kind}"),
	} {
		address := strings.NewReplacer(room.String(), "{room}", user.String(), "{user}", "."+partition, ".{partition}").Replace(subject)
		if !bytes.Contains(documents.AsyncAPI, []byte("address: "+address+"\n")) {
			t.Errorf("%s is not in asyncapi.yaml", address)
		}
	}
}
