package service

import (
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

func FuzzPosition(f *testing.F) {
	for _, p := range []room.Position{
		{SortName: "lobby", ID: ids.New[ids.Room]()}, {SortName: "émile"}, {ID: ids.New[ids.Room]()},
		{SortName: strings.Repeat("x", 200)}, {SortName: strings.Repeat("x", 201)}, {SortName: "a\x00b"}, {SortName: "\xff"},
	} {
		f.Add(formatPosition(p))
	}
	f.Add("")
	f.Add("!")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePosition(s)
		if err != nil {
			if f := fault.From(err); f.Code != fault.InvalidArgument || f.Field != "after" {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := parsePosition(formatPosition(p)); s != "" && (err != nil || again != p) {
			t.Errorf("%q is %+v, then %+v, %v", s, p, again, err)
		}
	})
}
