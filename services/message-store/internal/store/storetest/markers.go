package storetest

import (
	"reflect"
	"testing"

	"github.com/google/uuid"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

func testMarkers(t *testing.T, engine Engine) {
	s := engine.Open(t)
	w, other := NewWriter(), NewWriter()
	m := w.Post(0, "1")
	w.React(1, m, "👍", false)
	w.Post(0, "2")
	w.Post(0, "3")
	w.Store(t, s)
	other.Post(0, "1")
	other.Store(t, s)
	me, you := w.Users[0], w.Users[1]
	empty := ids.New[ids.Room]()
	for i, tt := range []struct {
		moves []store.Move
		moved []store.Moved
	}{
		{[]store.Move{{User: me, Room: w.Room, Seq: 2}, {User: me, Room: other.Room, Seq: 1}, {User: me, Room: empty, Seq: 5}}, []store.Moved{
			{User: me, Room: w.Room, Marker: store.Marker{Seq: 2, Ordinal: 1}}, {User: me, Room: other.Room, Marker: store.Marker{Seq: 1, Ordinal: 1}},
		}},
		{[]store.Move{{User: me, Room: w.Room, Seq: 2}}, nil}, // again
		{[]store.Move{{User: me, Room: w.Room, Seq: 1}}, nil}, // back
		{[]store.Move{{User: you, Room: w.Room, Seq: 1}}, []store.Moved{{User: you, Room: w.Room, Marker: store.Marker{Seq: 1, Ordinal: 1}}}},
		{[]store.Move{{User: me, Room: w.Room, Seq: 99}}, []store.Moved{{User: me, Room: w.Room, Marker: store.Marker{Seq: 4, Ordinal: 3}}}}, // to the head
		{[]store.Move{{User: me, Room: w.Room, Seq: 0}}, nil},
	} {
		if moved := must(s.MoveMarkers(t.Context(), tt.moves))(t); !reflect.DeepEqual(moved, tt.moved) {
			t.Errorf("step %d: moved %+v, want %+v", i, moved, tt.moved)
		}
	}
	got := must(s.Markers(t.Context(), []store.Reader{{User: me, Room: w.Room}, {User: you, Room: w.Room}, {User: me, Room: other.Room}, {User: you, Room: other.Room}, {User: me, Room: empty}}))(t)
	want := map[store.Reader]store.Marker{
		{User: me, Room: w.Room}: {Seq: 4, Ordinal: 3}, {User: you, Room: w.Room}: {Seq: 1, Ordinal: 1}, {User: me, Room: other.Room}: {Seq: 1, Ordinal: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("markers %v, want %v", got, want)
	}
}

func testMeta(t *testing.T, engine Engine) {
	first := must(engine.Open(t).Meta(t.Context()))(t)
	if _, err := uuid.Parse(first.Epoch); err != nil || len(first.HashKey) != store.HashKeySize {
		t.Errorf("meta %+v: %v", first, err)
	}
	if second := must(engine.Open(t).Meta(t.Context()))(t); !reflect.DeepEqual(first, second) {
		t.Errorf("another handle reads %+v, the first %+v", second, first)
	}
}
