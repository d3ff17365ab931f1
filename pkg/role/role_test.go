package role

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestTable is the table itself, said a second time: a change of who may do what is made in two places on purpose.
func TestTable(t *testing.T) {
	t.Parallel()
	names := map[Action]string{
		Read: "read", Post: "post", Announce: "announce", React: "react", MentionRoom: "mention", Pin: "pin", DeleteOthers: "delete others'",
		Invite: "invite", Describe: "describe", Remove: "remove", Appoint: "appoint", Govern: "govern", Own: "own",
	}
	if len(names) != int(actions) {
		t.Fatalf("%d actions have names, there are %d", len(names), actions)
	}
	writes := []string{"post", "react"}
	everything := slices.Sorted(maps.Values(names))
	without := func(gone ...string) []string {
		return slices.DeleteFunc(slices.Clone(everything), func(s string) bool { return slices.Contains(gone, s) })
	}
	talks := append([]string{"read", "announce", "mention", "pin"}, writes...)
	for in, rows := range map[Kind]map[Role][]string{
		Room: {
			Owner: everything, Admin: without("own"), Moderator: without("own", "govern", "appoint", "describe", "invite"),
			Member: append([]string{"read"}, writes...), ReadOnly: {"read"}, None: nil, "tsar": {"read"},
		},
		Group: {
			Owner: everything, Admin: append([]string{"invite", "describe"}, talks...), Member: append([]string{"invite", "describe"}, talks...),
			ReadOnly: {"read"}, None: nil,
		},
		Direct: {Owner: talks, Member: talks, ReadOnly: {"read"}, None: nil},
	} {
		for r, want := range rows {
			var got []string
			for a := range actions {
				if r.May(a, in) {
					got = append(got, names[a])
				}
			}
			slices.Sort(got)
			want = slices.Sorted(slices.Values(want))
			if !slices.Equal(got, want) {
				t.Errorf("%q in a %s may %s\nwant %s", r, in, strings.Join(got, ", "), strings.Join(want, ", "))
			}
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	order := append(All(), None)
	for i, r := range order {
		if r.Known() != (r != None) {
			t.Errorf("%q known: %t", r, r.Known())
		}
		for j, other := range order {
			if r.Above(other) != (i < j) {
				t.Errorf("%q above %q: %t", r, other, r.Above(other))
			}
		}
	}
	if Role("tsar").Known() || Role("tsar").Above(ReadOnly) {
		t.Error("an unknown role has power")
	}
}
