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
)

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
	return c.open(ctx, found)
}

// open makes a room that the user is in the current one.
func (c *chat) open(ctx context.Context, room *chatv1.Room) error {
	c.room, c.thread, c.keepUnread, c.shown, c.sent, c.read, c.typers = room, 0, false, 0, 0, 0, map[string]time.Time{}
	c.names[room.GetId()] = roomTitle(room, c.me.GetId())
	c.timeline = &client.Timeline{RoomID: room.GetId()}
	send := func() { c.conn.Typing(room.GetId(), true) }
	c.typing.send.Store(&send)
	title := fmt.Sprintf("* %s, %s", clean(c.names[room.GetId()]), count(int(room.GetMemberCount()), "member", "members"))
	if room.GetTopic() != "" {
		title += " – “" + clean(room.GetTopic()) + "”"
	}
	c.screen.Print(title)
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
	return c.eachMember(ctx, func(m *chatv1.Member) {
		line := fmt.Sprintf("  %s (%s)", clean(m.GetUser().GetUsername()), m.GetRole())
		if m.GetMutedUntil().AsTime().After(time.Now()) {
			line += " muted until " + clock(m.GetMutedUntil())
		}
		c.screen.Print(line)
	})
}

// eachMember visits the members of the current room, page by page, and remembers their names.
func (c *chat) eachMember(ctx context.Context, visit func(*chatv1.Member)) error {
	const pageSize = 200
	for after := ""; ; {
		members, err := c.api.Members(ctx, c.room.GetId(), after, pageSize)
		if err != nil {
			return err
		}
		for _, m := range members {
			after = m.GetUser().GetId()
			c.names[after] = m.GetUser().GetUsername()
			visit(m)
		}
		if len(members) < pageSize {
			return nil
		}
	}
}

// send puts a message into the outbox; it appears when the server has stored it.
func (c *chat) send(ctx context.Context, text string, opts ...client.SendOption) error {
	if c.room == nil {
		return errNoRoom
	}
	if c.thread != 0 {
		opts = append(opts, client.InThread(c.thread))
	}
	c.keepUnread = false
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
