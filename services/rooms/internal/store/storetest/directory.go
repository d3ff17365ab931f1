package storetest

import (
	"slices"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/rooms/internal/room"
)

func (s *suite) directory() {
	owner, me := ids.New[ids.User](), ids.New[ids.User]()
	named := func(set room.Settings) ids.Room {
		r, err := s.Create(s.Context(), room.Room{ID: ids.New[ids.Room](), Kind: role.Room, Settings: set, Creator: owner, CreatedAt: s.now}, limits.Create(ref(owner)))
		s.ok(err)
		return r.ID
	}
	configure := func(id ids.Room, u room.Update) {
		_, err := s.Change(s.Context(), s.by(id, owner), room.Configure(ref(owner), u))
		s.ok(err)
	}
	find := func(query string) (names []string) {
		query, err := room.Query(query)
		s.ok(err)
		for after := (room.Position{}); ; { // pages of two
			page, err := s.Directory(s.Context(), me, query, after, 2)
			s.ok(err)
			if len(page) == 0 {
				return names
			}
			for _, l := range page {
				if l.IsMember != (l.Room.MemberCount == 2) || l.Room.ID != l.Position.ID {
					s.Errorf("listed %+v", l)
				}
				names, after = append(names, l.Room.Name), l.Position
			}
		}
	}
	if got := find(""); got != nil {
		s.Errorf("an empty directory lists %q", got)
	}
	zebra := named(room.Settings{Name: "zebra", Topic: "STRASSEN & Wege"})
	named(room.Settings{Name: "Émile"})
	apple := named(room.Settings{Name: "Apple", Topic: "100% fruit_"})
	named(room.Settings{Name: "apple"})
	named(room.Settings{Name: "banana", Topic: "κόσμος"})
	hidden := named(room.Settings{Name: "apple of my eye", IsPrivate: true})
	s.join(zebra, me)

	check := func(query string, want ...string) {
		s.Helper()
		if got := find(query); !slices.Equal(got, want) {
			s.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	check("", "Apple", "apple", "banana", "zebra", "Émile")
	check("APP", "Apple", "apple")
	check(" straße ", "zebra")
	check("ΚΌΣΜΟΣ", "banana")
	check("ÉMILE", "Émile")
	check("%", "Apple")
	check("t_", "Apple")
	check("'", []string{}...)
	check("eye", []string{}...)

	public, archived, name, topic := false, true, "Cherry", "news"
	configure(hidden, room.Update{IsPrivate: &public})
	check("eye", "apple of my eye")
	configure(apple, room.Update{Name: &name, Topic: &topic})
	check("apple", "apple", "apple of my eye")
	check("NEWS", "Cherry")
	check("", "apple", "apple of my eye", "banana", "Cherry", "zebra", "Émile")
	configure(apple, room.Update{IsArchived: &archived})
	check("cherry", []string{}...)

	// A page goes on from a position, whatever became of the room that had it.
	page, err := s.Directory(s.Context(), me, "", room.Position{SortName: "banana"}, 1)
	s.ok(err)
	if want := (room.Position{SortName: "banana", ID: page[0].Room.ID}); page[0].Room.Name != "banana" || page[0].Position != want {
		s.Errorf("from its name on: %+v", page)
	}
	page, err = s.Directory(s.Context(), me, "", page[0].Position, 1)
	s.ok(err)
	if page[0].Room.Name != "zebra" || page[0].Room.Topic != "STRASSEN & Wege" {
		s.Errorf("after it: %+v", page)
	}
}
