package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/natter-chat/natter/pkg/client"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
	messagestorev1 "github.com/natter-chat/natter/proto/gen/natter/message_store/v1"
)

// listLength is how many entries a list shows, searchLength how many a search.
const listLength, searchLength = 50, 20

// mutate runs a command about the message with the number that args begin with.
func (c *chat) mutate(ctx context.Context, what, args string, needsText bool, do func(room string, seq uint32, text string) (*clientv1.Ack, error)) error {
	if c.room == nil {
		return errNoRoom
	}
	seq, text, err := numbered(args)
	if err != nil || needsText == (text == "") {
		return errArguments
	}
	room := c.room.GetId()
	c.pending++
	c.background(ctx, func() result {
		ack, err := do(room, seq, text)
		return result{ack: ack, what: fmt.Sprintf("%s #%d", what, seq), err: err}
	})
	return nil
}

func (c *chat) reply(ctx context.Context, args string) error {
	thread := c.thread
	return c.mutate(ctx, "reply to", args, true, func(room string, seq uint32, text string) (*clientv1.Ack, error) {
		return c.conn.Send(ctx, room, text, client.ReplyTo(seq), client.InThread(thread))
	})
}

// upload sends a file of this machine.
func (c *chat) upload(ctx context.Context, path string) error {
	switch {
	case c.room == nil:
		return errNoRoom
	case path == "":
		return errArguments
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	name, room, thread := filepath.Base(path), c.room.GetId(), c.thread
	c.screen.Print(fmt.Sprintf("  uploading %s (%s)", clean(name), humanize.Bytes(uint64(info.Size()))))
	c.pending++
	c.background(ctx, func() result {
		defer func() { _ = file.Close() }() // it was only read
		r := result{what: "upload " + name}
		uploaded, err := c.api.Upload(ctx, room, client.Upload{Name: name, Content: file, Size: info.Size()})
		if r.err = err; err == nil {
			r.ack, r.err = c.conn.Send(ctx, room, "", client.WithUpload(uploaded), client.InThread(thread))
		}
		return r
	})
	return nil
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
		emoji, remove := unsigned(emoji)
		return c.conn.React(ctx, room, seq, emoji, remove)
	})
}

func (c *chat) pin(ctx context.Context, args string) error {
	args, remove := unsigned(args)
	return c.mutate(ctx, "pin", args, false, func(room string, seq uint32, _ string) (*clientv1.Ack, error) {
		return c.conn.Pin(ctx, room, seq, remove)
	})
}

// about runs a call about the message with the number that args are, and prints the lines it returns.
func (c *chat) about(ctx context.Context, args string, do func(ctx context.Context, room string, seq uint32) ([]string, error)) error {
	if c.room == nil {
		return errNoRoom
	}
	seq, text, err := numbered(args)
	if err != nil || text != "" {
		return errArguments
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	lines, err := do(ctx, c.room.GetId(), seq)
	for _, line := range lines {
		c.screen.Print("  " + line)
	}
	return err
}

func (c *chat) edits(ctx context.Context, args string) error {
	return c.about(ctx, args, func(ctx context.Context, room string, seq uint32) (lines []string, err error) {
		edits, err := c.api.Edits(ctx, room, seq, 0, listLength)
		for _, e := range edits {
			lines = append(lines, clock(e.GetCreatedAt())+" "+clean(e.GetContent()))
		}
		return lines, err
	})
}

func (c *chat) readers(ctx context.Context, args string) error {
	return c.about(ctx, args, func(ctx context.Context, room string, seq uint32) ([]string, error) {
		readers, err := c.api.Readers(ctx, room, seq)
		if err != nil {
			return nil, err
		}
		if len(readers) == 0 {
			return []string{"nobody yet"}, nil
		}
		names := make([]string, len(readers))
		for i, u := range readers {
			names[i] = clean(u.GetUsername())
		}
		return []string{strings.Join(names, ", ")}, nil
	})
}

func (c *chat) save(ctx context.Context, args string) error {
	args, remove := unsigned(args)
	return c.about(ctx, args, func(ctx context.Context, room string, seq uint32) ([]string, error) {
		if remove {
			return nil, c.api.UnsaveMessage(ctx, room, seq)
		}
		return nil, c.api.SaveMessage(ctx, room, seq)
	})
}

// unread marks the room; it stays so until something is typed, or the room entered again.
func (c *chat) unread(ctx context.Context, args string) error {
	return c.about(ctx, args, func(ctx context.Context, room string, seq uint32) ([]string, error) {
		c.keepUnread = true
		return []string{fmt.Sprintf("unread from #%d on", seq)}, c.conn.Unread(ctx, room, seq)
	})
}

func (c *chat) pins(ctx context.Context, _ string) error {
	if c.room == nil {
		return errNoRoom
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	pins, err := c.api.Pins(ctx, c.room.GetId(), 0, listLength)
	for _, p := range pins {
		c.screen.Print("  " + c.view().message(p.GetMessage()))
	}
	if err == nil && len(pins) == 0 {
		c.screen.Print("  nothing is pinned")
	}
	return err
}

func (c *chat) saved(ctx context.Context, _ string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	saved, err := c.api.Saved(ctx, "", listLength)
	for _, s := range saved {
		c.screen.Print("  " + clean(c.names[s.GetMessage().GetRoomId()]) + " | " + c.view().message(s.GetMessage()))
	}
	if err == nil && len(saved) == 0 {
		c.screen.Print("  nothing is saved")
	}
	return err
}

// search shows the newest messages that fit, the oldest of them first, as the room does.
func (c *chat) search(ctx context.Context, query string) error {
	if query == "" {
		return errArguments
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := c.api.Search(ctx, query, "", searchLength)
	if err != nil {
		return err
	}
	for _, h := range slices.Backward(page.GetHits()) {
		c.screen.Print("  " + clean(c.names[h.GetMessage().GetRoomId()]) + " | " + c.view().message(h.GetMessage()))
	}
	switch {
	case page.GetNext() != "":
		c.screen.Print("  there may be more: add before:" + until(page.GetHits()))
	case len(page.GetHits()) == 0:
		c.screen.Print("  nothing is found")
	}
	return nil
}

// until is a time before which to search on.
func until(hits []*messagestorev1.SearchHit) string {
	if len(hits) == 0 {
		return "a day"
	}
	return hits[len(hits)-1].GetMessage().GetCreatedAt().AsTime().Format("2006-01-02T15:04:05.000Z07:00")
}
