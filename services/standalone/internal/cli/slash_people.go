package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	roomsv1 "github.com/natter-chat/natter/proto/gen/natter/rooms/v1"
)

// person finds somebody by name among those who were seen: members of the rooms, and who wrote in them.
func (c *chat) person(ctx context.Context, name string) (string, error) {
	name = strings.TrimPrefix(name, "@")
	find := func() string {
		for id, known := range c.names {
			if strings.EqualFold(known, name) && c.states[id] == nil {
				return id
			}
		}
		return ""
	}
	if id := find(); id != "" || c.room == nil || name == "" {
		return id, unknown(id, name)
	}
	err := c.eachMember(ctx, func(*chatv1.Member) {})
	if err != nil {
		return "", err
	}
	id := find()
	return id, unknown(id, name)
}

func unknown(id, name string) error {
	switch {
	case name == "":
		return errArguments
	case id == "":
		return fmt.Errorf("nobody here is named %s", clean(name))
	}
	return nil
}

// withPerson runs a call about the person whose name args begin with.
func (c *chat) withPerson(ctx context.Context, args string, do func(ctx context.Context, id, rest string) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name, rest, _ := strings.Cut(args, " ")
	id, err := c.person(ctx, name)
	if err != nil {
		return err
	}
	return do(ctx, id, strings.TrimSpace(rest))
}

// moderate is withPerson in the current room.
func (c *chat) moderate(ctx context.Context, args string, do func(ctx context.Context, room, id, rest string) error) error {
	if c.room == nil {
		return errNoRoom
	}
	return c.withPerson(ctx, args, func(ctx context.Context, id, rest string) error { return do(ctx, c.room.GetId(), id, rest) })
}

func (c *chat) direct(ctx context.Context, args string) error {
	return c.withPerson(ctx, args, func(ctx context.Context, id, _ string) error {
		room, err := c.api.OpenDirect(ctx, id)
		if err != nil {
			return err
		}
		return c.open(ctx, room)
	})
}

func (c *chat) invite(ctx context.Context, args string) error {
	return c.moderate(ctx, args, func(ctx context.Context, room, id, _ string) error {
		_, err := c.api.Invite(ctx, room, id)
		return err
	})
}

func (c *chat) accept(ctx context.Context, args string) error {
	if args == "" {
		return errArguments
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	room, err := c.api.AcceptInvitation(ctx, args)
	if err != nil {
		return err
	}
	return c.open(ctx, room)
}

func (c *chat) role(ctx context.Context, args string) error {
	return c.moderate(ctx, args, func(ctx context.Context, room, id, role string) error {
		_, err := c.api.SetRole(ctx, room, id, role)
		return err
	})
}

func (c *chat) mute(ctx context.Context, args string) error {
	return c.moderate(ctx, args, func(ctx context.Context, room, id, minutes string) error {
		n, err := strconv.ParseUint(minutes, 10, 16)
		if err != nil {
			return errArguments
		}
		_, err = c.api.Mute(ctx, room, id, time.Duration(n)*time.Minute)
		return err
	})
}

func (c *chat) kick(ctx context.Context, args string) error {
	return c.moderate(ctx, args, c.api.Kick)
}

func (c *chat) ban(ctx context.Context, args string) error {
	return c.moderate(ctx, args, func(ctx context.Context, room, id, why string) error {
		_, err := c.api.Ban(ctx, room, id, why, 0)
		return err
	})
}

func (c *chat) leave(ctx context.Context, _ string) error {
	if c.room == nil {
		return errNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.api.LeaveRoom(ctx, c.room.GetId())
}

func (c *chat) topic(ctx context.Context, args string) error {
	switch args {
	case "":
		return errArguments
	case "-":
		args = ""
	}
	return c.updateRoom(ctx, &roomsv1.UpdateRoomRequest{Topic: &args})
}

func (c *chat) rename(ctx context.Context, args string) error {
	if args == "" {
		return errArguments
	}
	return c.updateRoom(ctx, &roomsv1.UpdateRoomRequest{Name: &args})
}

func (c *chat) updateRoom(ctx context.Context, change *roomsv1.UpdateRoomRequest) error {
	if c.room == nil {
		return errNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	change.RoomId = c.room.GetId()
	_, err := c.api.UpdateRoom(ctx, change)
	return err
}
