package role

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestReadme compares the table of proto/README.md with the one that decides.
func TestReadme(t *testing.T) {
	t.Parallel()
	deeds := map[Action]string{
		Read:         "see the room and its history",
		Post:         "write messages; edit and delete one's own",
		Announce:     "write in an announcement room, other than in threads; at any time in a slow one",
		React:        "react",
		MentionRoom:  "call everybody: `@room`, `@here`",
		Pin:          "pin messages",
		DeleteOthers: "delete messages of others",
		Invite:       "add people, invite them, make links",
		Describe:     "change name, description, topic, avatar",
		Remove:       "mute, kick and ban those below them; lift bans",
		Appoint:      "give roles below their own to those below them",
		Govern:       "archive it; who sees it, announcements, slow mode",
		Own:          "give it to another member; delete it",
	}
	var table strings.Builder
	table.WriteString("| to … | in a room | in a group | in a direct conversation |\n| --- | --- | --- | --- |\n")
	for a := range actions {
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", deeds[a], need(Room, a), need(Group, a), need(Direct, a))
	}
	readme, err := os.ReadFile("../../proto/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("proto/README.md's table of who may do what is another; it should be\n%s", table.String())
	}
}

// need is the least role as proto/README.md has it.
func need(in Kind, a Action) string {
	return cmp.Or(strings.ReplaceAll(string(least(in, a)), "_", "-"), "–")
}
