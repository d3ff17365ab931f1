package storetest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testPurge(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	join := func(w *Writer, user int) {
		w.Event(store.KindMemberJoined, 0, func(e *store.Event) {
			e.Member = &store.Member{User: w.Users[user], Username: "secret", Role: "member"}
		})
	}
	join(w, 0)
	join(w, 1)
	m := w.Event(store.KindMessage, 0, func(e *store.Event) {
		e.Content, e.Type, e.FileURL, e.Mentions = "secret", "file", "https://secret.example/", []store.Mention{{Kind: store.MentionUser, User: w.Users[1], Length: 3}}
	})
	w.Edit(0, m, "secret 2")
	w.Reply(1, m, 1, "secret reply")
	w.React(1, m, "secret", false)
	w.Pin(0, m, false)
	w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{Name: "secret", Topic: "secret"} })
	w.Event(store.KindMemberLeft, 0, func(e *store.Event) { e.Member = &store.Member{User: w.Users[1], Note: "secret"} })
	w.Event(store.KindRoomUpdated, 0, func(e *store.Event) { e.Info = &store.RoomInfo{Name: "secret", IsDeleted: true} })
	w.Store(t, s)
	join(other, 0)
	other.Post(0, "stays")
	other.Users[0] = w.Users[0] // the same person in another room
	other.Post(0, "stays too")
	other.Store(t, s)
	readers := []store.Reader{
		{User: w.Users[0], Room: w.Room}, {User: w.Users[1], Room: w.Room}, {User: w.Users[1], Room: w.Room, Thread: m.Seq}, {User: w.Users[0], Room: other.Room},
	}
	kept := readers[3]
	for _, r := range readers {
		must(s.MoveMarkers(t.Context(), []store.Move{{Reader: r, Kind: store.MoveOwn, Seq: 2, Ordinal: 1}}))(t)
		must(s.Save(t.Context(), store.Saved{ID: ids.New[ids.Saved](), User: r.User, Ref: store.Ref{Room: r.Room, Seq: 2}}, 10))(t)
	}
	beside := whole(t, s, other.Room)

	for range 2 { // it may be repeated
		if err := s.Purge(t.Context(), w.Room); err != nil {
			t.Fatal(err)
		}
	}
	log := whole(t, s, w.Room)
	if len(log.Events) != 10 || log.Head.Seq != 10 || log.Head.Version != 5 || log.Head.Ordinal != 1 {
		t.Fatalf("%d events, head %+v", len(log.Events), log.Head)
	}
	for i, e := range log.Events {
		if text := strings.Join([]string{e.Content, e.FileURL, e.Emoji, e.Actor.Username, e.Actor.Avatar}, ""); text != "" || e.Mentions != nil {
			t.Errorf("event %d still says %q", e.Seq, text)
		}
		if e.Seq != uint32(i+1) || e.Nonce == "" || e.Hash == [store.HashSize]byte{} {
			t.Errorf("event %d does not keep its place: %+v", i+1, e)
		}
		if member := e.Kind == store.KindMemberJoined || e.Kind == store.KindMemberLeft; member != (e.Member != nil) || member && *e.Member != (store.Member{}) {
			t.Errorf("event %d has the member %+v", e.Seq, e.Member)
		}
		if e.Kind == store.KindRoomUpdated && (e.Info == nil || *e.Info != store.RoomInfo{IsDeleted: e.Seq == 10}) {
			t.Errorf("event %d has the room %+v", e.Seq, e.Info)
		}
	}
	for _, m := range must(s.MessagesBefore(t.Context(), w.Room, 100, 10))(t).Messages {
		if m.DeletedSeq == 0 || m.Text() != "" || len(m.Reactions) > 0 || m.Replies.Count > 0 {
			t.Errorf("message %d still is %+v", m.Event.Seq, m.Fold)
		}
	}
	if after := whole(t, s, other.Room); !reflect.DeepEqual(after, beside) {
		t.Errorf("the other room has changed: %+v", after.Events)
	}
	if pins := must(s.Pins(t.Context(), w.Room, 100, 10))(t).Messages; len(pins) > 0 {
		t.Errorf("%d pins", len(pins))
	}
	if calls := must(s.Mentions(t.Context(), w.Users[1], []ids.Room{w.Room}, store.MentionAt{}, 10))(t); len(calls) > 0 {
		t.Errorf("mentions %v", calls)
	}
	for user, rooms := range map[ids.User]int{w.Users[0]: 1, w.Users[1]: 0} {
		if saved := must(s.Saved(t.Context(), user, store.BeyondSaved(), 10))(t); len(saved) != rooms {
			t.Errorf("saved %v, want %d", saved, rooms)
		}
	}
	markers := must(s.Markers(t.Context(), readers))(t)
	if _, found := markers[kept]; !found || len(markers) != 1 {
		t.Errorf("markers %v, want that of the other room", markers)
	}
}
