package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
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
		{"/who", "", "list the members of this room", (*chat).who},
		{"/reply", "<#> <text>", "answer a message", (*chat).reply},
		{"/edit", "<#> <text>", "change a message of yours", (*chat).edit},
		{"/delete", "<#>", "delete a message", (*chat).del},
		{"/react", "<#> <emoji>", "put an emoji under a message; -emoji takes it off", (*chat).react},
		{"/help", "", "show this; // at the start of a line sends a line that starts with /", (*chat).help},
		{"/quit", "", "leave; the room stays yours", func(*chat, context.Context, string) error { return errQuit }},
	}
}

// line does what was typed. What a person can mend is shown; an error ends the conversation.
func (c *chat) line(ctx context.Context, line string) error {
	line = strings.TrimSpace(line)
	if line == "" {
		return nil
	}
	if text, isText := strings.CutPrefix(line, "//"); isText || !strings.HasPrefix(line, "/") {
		if isText {
			line = "/" + text
		}
		return c.mend(c.send(ctx, line))
	}
	name, args, _ := strings.Cut(line, " ")
	all := slashes()
	i := slices.IndexFunc(all, func(s slash) bool { return s.name == name })
	if i < 0 {
		return c.mend(fmt.Errorf("there is no command %s; /help lists them", clean(name)))
	}
	err := all[i].run(c, ctx, strings.TrimSpace(args))
	if errors.Is(err, errArguments) {
		err = fmt.Errorf("it goes like this: %s %s", all[i].name, all[i].args)
	}
	return c.mend(err)
}

// errArguments says that a command was not given what it needs.
var errArguments = errors.New("wrong arguments")

// mend shows an error instead of ending with it.
func (c *chat) mend(err error) error {
	if err == nil || errors.Is(err, errQuit) {
		return err
	}
	text := err.Error()
	if f, ok := errors.AsType[*client.Error](err); ok {
		text = sentence(f)
	} else if errors.Is(err, context.DeadlineExceeded) {
		text = "the server does not answer; try again"
	}
	c.failed++
	c.screen.Print("* " + text)
	return nil
}

// enter makes a room the current one: found by name or id, joined, or created.
func (c *chat) enter(ctx context.Context, room string) error {
	if room == "" {
		c.screen.Print("/rooms lists the rooms, /join <name> enters one.")
		return nil
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.find(call, room)
	if err != nil {
		return err
	}
	if found == nil {
		if found, err = c.api.CreateRoom(call, room, "", false); err != nil {
			return fmt.Errorf("create the room: %w", err)
		}
		c.screen.Print(fmt.Sprintf("* room %s created (%s)", clean(room), found.GetId()))
	} else if found, err = c.api.JoinRoom(call, found.GetId()); err != nil {
		return fmt.Errorf("join the room: %w", err)
	}
	c.room, c.shown, c.sent, c.read, c.typers = found, 0, 0, 0, map[string]time.Time{}
	c.names[found.GetId()] = found.GetName()
	send := func() { c.conn.Typing(found.GetId(), true) }
	c.typing.send.Store(&send)
	c.screen.Print(fmt.Sprintf("* %s, %d members", clean(found.GetName()), found.GetMemberCount()))
	if err := c.history(ctx); err != nil {
		return err
	}
	c.markRead(ctx)
	return nil
}

// find looks a room up by id or name; nil: there is none.
func (c *chat) find(ctx context.Context, room string) (*chatv1.Room, error) {
	if _, err := ids.ParseRoom(room); err == nil {
		return c.api.GetRoom(ctx, room)
	}
	var matches []*chatv1.Room
	err := c.eachRoom(ctx, func(r *chatv1.Room) {
		if r.GetName() == room {
			matches = append(matches, r)
		}
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("look for the room: %w", err)
	case len(matches) == 0:
		return nil, nil
	case len(matches) > 1:
		list := make([]string, len(matches))
		for i, m := range matches {
			list[i] = m.GetId()
		}
		return nil, fault.New(fault.Conflict, "several rooms are named %s; use an id: %s", clean(room), strings.Join(list, ", "))
	}
	return matches[0], nil
}

// eachRoom visits the rooms that the user can see, page by page.
func (c *chat) eachRoom(ctx context.Context, visit func(*chatv1.Room)) error {
	const pageSize = 100
	for after := ""; ; {
		rooms, err := c.api.ListRooms(ctx, after, pageSize, false)
		if err != nil {
			return err
		}
		for _, r := range rooms {
			visit(r)
			after = r.GetId()
		}
		if len(rooms) < pageSize {
			return nil
		}
	}
}

func (c *chat) listRooms(ctx context.Context, _ string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n := 0
	err := c.eachRoom(ctx, func(r *chatv1.Room) {
		n++
		here := " "
		if r.GetId() == c.room.GetId() {
			here = "*"
		}
		c.screen.Print(fmt.Sprintf("%s %s  %s, %d members  %s", here, clean(r.GetName()), privacy(r), r.GetMemberCount(), r.GetId()))
	})
	if err == nil && n == 0 {
		c.screen.Print("There is no room yet; /join <name> creates one.")
	}
	return err
}

func privacy(r *chatv1.Room) string {
	if r.GetIsPrivate() {
		return "private"
	}
	return "public"
}

func (c *chat) join(ctx context.Context, args string) error {
	if args == "" {
		return errArguments
	}
	return c.enter(ctx, args)
}

// errNoRoom is what a command says that needs a room.
var errNoRoom = errors.New("you are in no room; /join <name> enters one")

func (c *chat) who(ctx context.Context, _ string) error {
	if c.room == nil {
		return errNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	const pageSize = 200
	for after := ""; ; {
		members, err := c.api.Members(ctx, c.room.GetId(), after, pageSize)
		if err != nil {
			return err
		}
		for _, m := range members {
			after = m.GetUser().GetId()
			c.screen.Print(fmt.Sprintf("  %s (%s)", clean(m.GetUser().GetUsername()), m.GetRole()))
		}
		if len(members) < pageSize {
			return nil
		}
	}
}

func (c *chat) help(context.Context, string) error {
	for _, s := range slashes() {
		c.screen.Print(fmt.Sprintf("  %-22s %s", s.name+" "+s.args, s.help))
	}
	return nil
}

// send puts a message into the outbox; it appears when the server has stored it.
func (c *chat) send(ctx context.Context, text string, opts ...client.SendOption) error {
	if c.room == nil {
		return errNoRoom
	}
	pending, err := c.conn.SendAsync(c.room.GetId(), text, opts...)
	if err != nil {
		return err
	}
	c.pending++
	c.background(ctx, func() result {
		ack, err := pending.Wait(ctx)
		return result{ack: ack, what: "send " + strconv.Quote(text), err: err}
	})
	return nil
}

// mutate runs a command about the message with the number that args begin with.
func (c *chat) mutate(ctx context.Context, what, args string, needsText bool, do func(room string, seq uint32, text string) (*clientv1.Ack, error)) error {
	if c.room == nil {
		return errNoRoom
	}
	number, text, _ := strings.Cut(args, " ")
	seq, err := strconv.ParseUint(strings.TrimPrefix(number, "#"), 10, 32)
	if text = strings.TrimSpace(text); err != nil || seq == 0 || needsText == (text == "") {
		return errArguments
	}
	room := c.room.GetId()
	c.pending++
	c.background(ctx, func() result {
		ack, err := do(room, uint32(seq), text)
		return result{ack: ack, what: fmt.Sprintf("%s #%d", what, seq), err: err}
	})
	return nil
}

func (c *chat) reply(ctx context.Context, args string) error {
	return c.mutate(ctx, "reply to", args, true, func(room string, seq uint32, text string) (*clientv1.Ack, error) {
		return c.conn.Send(ctx, room, text, client.ReplyTo(seq))
	})
}

func (c *chat) edit(ctx context.Context, args string) error {
	return c.mutate(ctx, "edit", args, true, func(room string, seq uint32, text string) (*clientv1.Ack, error) {
		return c.conn.Edit(ctx, room, seq, text)
	})
}

func (c *chat) del(ctx context.Context, args string) error {
	return c.mutate(ctx, "delete", args, false, func(room string, seq uint32, _ string) (*clientv1.Ack, error) {
		return c.conn.Delete(ctx, room, seq)
	})
}

func (c *chat) react(ctx context.Context, args string) error {
	return c.mutate(ctx, "react to", args, true, func(room string, seq uint32, emoji string) (*clientv1.Ack, error) {
		emoji, remove := strings.CutPrefix(emoji, "-")
		return c.conn.React(ctx, room, seq, emoji, remove)
	})
}
