package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// slash is one /command.
type slash struct {
	name, args, help string
	run              func(c *chat, ctx context.Context, args string) error
}

// slashes returns the commands, in the order of /help.
func slashes() []slash {
	return []slash{
		{"/rooms", "", "list the rooms you can join", (*chat).listRooms},
		{"/join", "<name or id>", "enter a room; a new name creates one", (*chat).join},
		{"/direct", "<name>", "talk to one person", (*chat).direct},
		{"/leave", "", "leave this room for good", (*chat).leave},
		{"/who", "", "list the members of this room", (*chat).who},
		{"/reply", "<#> <text>", "answer a message", (*chat).reply},
		{"/upload", "<path>", "send an image or a file", (*chat).upload},
		{"/thread", "[<#>]", "talk in the thread of a message; without a number: in the room", (*chat).openThread},
		{"/edit", "<#> <text>", "change a message of yours", (*chat).edit},
		{"/edits", "<#>", "show what a message said before", (*chat).edits},
		{"/delete", "<#>", "delete a message", (*chat).del},
		{"/react", "<#> <emoji>", "put an emoji under a message; -emoji takes it off", (*chat).react},
		{"/pin", "<#>", "pin a message; -# takes the pin off", (*chat).pin},
		{"/pins", "", "list the pinned messages", (*chat).pins},
		{"/save", "<#>", "save a message for yourself; -# no longer", (*chat).save},
		{"/saved", "", "list what you saved", (*chat).saved},
		{"/search", "<query>", "find messages in your rooms: words, \"a phrase\", -word, from: in: has: before: after:", (*chat).search},
		{"/readers", "<#>", "who has read a message", (*chat).readers},
		{"/unread", "<#>", "mark the room unread from a message on", (*chat).unread},
		{"/invite", "<name>", "invite somebody to this room", (*chat).invite},
		{"/accept", "<id>", "accept an invitation", (*chat).accept},
		{"/topic", "<text>", "say what the room is about; - takes it away", (*chat).topic},
		{"/rename", "<name>", "give the room another name", (*chat).rename},
		{"/role", "<name> <role>", "admin, moderator, member or read_only", (*chat).role},
		{"/mute", "<name> <minutes>", "keep a member from writing; 0 ends it", (*chat).mute},
		{"/kick", "<name> [<why>]", "remove a member", (*chat).kick},
		{"/ban", "<name> [<why>]", "remove somebody, and keep them out", (*chat).ban},
		{"/help", "", "show this; // at the start of a line sends a line that starts with /", (*chat).help},
		{"/quit", "", "end; the rooms stay yours", func(*chat, context.Context, string) error { return errQuit }},
	}
}

func (c *chat) help(context.Context, string) error {
	for _, s := range slashes() {
		c.screen.Print(fmt.Sprintf("  %-24s %s", s.name+" "+s.args, s.help))
	}
	return nil
}

// errArguments says that a command was not given what it needs.
var errArguments = errors.New("wrong arguments")

// numbered splits arguments that begin with the number of a message: 7 or #7.
func numbered(args string) (seq uint32, text string, err error) {
	number, text, _ := strings.Cut(args, " ")
	n, err := strconv.ParseUint(strings.TrimPrefix(number, "#"), 10, 32)
	if err != nil || n == 0 {
		return 0, "", errArguments
	}
	return uint32(n), strings.TrimSpace(text), nil
}

// unsigned takes the minus off arguments, which asks for the opposite.
func unsigned(args string) (rest string, minus bool) { return strings.CutPrefix(args, "-") }
