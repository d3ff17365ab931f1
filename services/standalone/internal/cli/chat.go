package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

const chatHelp = `natter chat is a small terminal client.

It signs in (the password comes from NATTER_PASSWORD or a prompt, never from a flag), joins a room or creates it, shows
its last messages and then what happens. Type to send; /help lists the commands. When input or output is no terminal it
reads and writes plain lines: the first line is the password unless NATTER_PASSWORD is set, and at the end of the input
it waits until everything is sent.

Examples:
  natter chat --user ana@example.com --room lobby
  natter chat --user bot@example.com --register --name bot --room lobby --follow < password-file
  NATTER_PASSWORD=… natter chat --server https://chat.example.com --user ana@example.com --room lobby <<< 'Deployed.'
`

const (
	// callTimeout bounds what a person waits for without being told more.
	callTimeout = 10 * time.Second
	// historyLength is how many messages are shown on entering a room.
	historyLength = 20
	// typingEvery is how often "is typing" is repeated; it expires after 6 s.
	typingEvery = 3 * time.Second
	// farewell is how long the end of piped input waits for what is not sent yet.
	farewell = 30 * time.Second
)

// Chat runs `natter chat` until the user quits, the input ends, or ctx does, and returns the exit code.
func Chat(ctx context.Context, p Process) int {
	var (
		room   string
		follow bool
		who    account
	)
	return command{
		name: "chat", help: chatHelp,
		flags: func(fs *flag.FlagSet, s *Settings) {
			fs.StringVar(&s.Server, "server", s.Server, "`address` of the server (NATTER_SERVER)")
			fs.StringVar(&s.User, "user", s.User, "`e-mail` to sign in with (NATTER_USER)")
			fs.StringVar(&room, "room", "", "`name or id` of the room to enter; a name that is not taken creates a public room")
			fs.BoolVar(&who.register, "register", false, "create the account if there is none")
			fs.StringVar(&who.name, "name", "", "shown `name` of a new account (default: the e-mail's first part)")
			fs.BoolVar(&follow, "follow", false, "go on after the end of the input, until interrupted")
		},
		run: func(ctx context.Context, s Settings) error {
			var typing typingSignal
			screen, err := openScreen(p, typing.typed)
			if err != nil {
				return err
			}
			defer screen.Close()
			api, me, err := who.signIn(ctx, s, screen)
			if err != nil {
				return err
			}
			c := &chat{api: api, me: me, screen: screen, typing: &typing, follow: follow, names: map[string]string{}, results: make(chan result, 64)}
			c.states = map[string]*clientv1.RoomState{}
			return c.run(ctx, room)
		},
	}.main(ctx, p)
}

// typingSignal passes key strokes on, not too often.
type typingSignal struct {
	send atomic.Pointer[func()]
	last atomic.Int64 // Unix time in nanoseconds
}

func (t *typingSignal) typed() {
	now, last := time.Now().UnixNano(), t.last.Load()
	if send := t.send.Load(); send != nil && now-last > int64(typingEvery) && t.last.CompareAndSwap(last, now) {
		(*send)()
	}
}

// chat is one run of the client. One goroutine, run's, owns all of it.
type chat struct {
	api    *client.Client
	conn   *client.Conn
	me     *chatv1.User
	screen screen
	typing *typingSignal
	follow bool

	room     *chatv1.Room                   // the current one; nil: none
	timeline *client.Timeline               // of the room
	thread   uint32                         // seq of the message in whose thread is typed; 0: in the room
	states   map[string]*clientv1.RoomState // of the user's rooms, by id
	names    map[string]string              // of rooms and users, by id
	shown    uint32                         // seq of the last event of the room that is on the screen
	// keepUnread: the user marked the room unread, and has not come back to it since.
	keepUnread bool
	sent       uint32 // seq of the last event that was acked
	read       uint32 // seq that the read marker was moved to
	pending    int    // what is not acked yet
	failed     int    // what was refused
	typers     map[string]time.Time
	offline    bool
	tasks      sync.WaitGroup
	results    chan result
}

// result is the outcome of something that ran beside the conversation.
type result struct {
	ack  *clientv1.Ack
	what string // "": nothing to say when it fails
	err  error
}

// errQuit ends the conversation as wished.
var errQuit = errors.New("quit")

func (c *chat) run(ctx context.Context, room string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.tasks.Wait()
	defer cancel()
	connecting, connected := context.WithTimeout(ctx, callTimeout)
	defer connected()
	var err error
	if c.conn, err = c.api.Connect(connecting, client.ConnOptions{}); err != nil {
		return err
	}
	defer c.conn.Close()
	c.screen.Print(fmt.Sprintf("Signed in as %s. /help lists the commands.", clean(c.me.GetUsername())))
	events := make(chan any)
	c.tasks.Go(func() {
		defer close(events)
		for event := range c.conn.Events(ctx) {
			select {
			case events <- event:
			case <-ctx.Done():
				return
			}
		}
	})
	for isOnline := false; !isOnline; { // first comes what rooms there are, and what is unread in them
		event, ok := <-events
		if !ok {
			return c.conn.Err()
		}
		if err := c.event(ctx, event); err != nil {
			return err
		}
		change, isChange := event.(client.StateChange)
		isOnline = isChange && change.State == client.Online
	}
	if err := c.enter(ctx, room); err != nil {
		return err
	}
	if err := c.loop(ctx, events, c.lines(ctx)); !errors.Is(err, errQuit) {
		return err
	}
	return nil
}

// lines reads what is typed. A read of a terminal or pipe cannot be interrupted, so nobody waits for this goroutine: it
// ends with the next line, or with the process.
func (c *chat) lines(ctx context.Context) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for {
			line, err := c.screen.ReadLine()
			if err != nil {
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

func (c *chat) loop(ctx context.Context, events <-chan any, lines <-chan string) error {
	tick := time.NewTicker(time.Second) // typing expires
	defer tick.Stop()
	var lastCall <-chan time.Time
	for {
		c.status()
		c.markRead(ctx)
		if lines == nil && c.pending == 0 && (c.shown >= c.sent || c.room == nil) && !c.follow {
			return c.farewell()
		}
		select {
		case <-ctx.Done():
			return errQuit // interrupted
		case <-lastCall:
			return fmt.Errorf("%d messages could not be sent within %v of the end of the input (connection: %v)", c.pending, farewell, c.conn.State())
		case event, ok := <-events:
			if !ok {
				return c.conn.Err()
			}
			if err := c.event(ctx, event); err != nil {
				return err
			}
		case r := <-c.results:
			c.settle(r)
		case line, ok := <-lines:
			if !ok {
				if lines = nil; c.screen.Interactive() {
					return errQuit // ctrl-D
				}
				lastCall = time.After(farewell)
				continue
			}
			if err := c.line(ctx, line); err != nil {
				return err
			}
		case <-tick.C:
		}
	}
}

// farewell is how a conversation ends whose input has: a script must learn that something was refused.
func (c *chat) farewell() error {
	if c.failed > 0 {
		return fmt.Errorf("%d commands were not done", c.failed)
	}
	return errQuit
}

// status is what stands before the typing line.
func (c *chat) status() {
	status := "no room"
	if c.room != nil {
		status = clean(c.names[c.room.GetId()])
	}
	if c.thread != 0 {
		status += fmt.Sprintf(" thread #%d", c.thread)
	}
	switch {
	case c.offline && c.pending > 0:
		status += fmt.Sprintf(" (reconnecting, %d waiting)", c.pending)
	case c.offline:
		status += " (reconnecting)"
	case c.pending > 0:
		status += fmt.Sprintf(" (%d sending)", c.pending)
	default:
		status += c.whoTypes()
	}
	c.screen.Status(status)
}

func (c *chat) whoTypes() string {
	var names []string
	for user, until := range c.typers {
		if time.Now().After(until) {
			delete(c.typers, user)
			continue
		}
		names = append(names, clean(c.names[user]))
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return " (" + strings.Join(names, ", ") + " typing)"
}

// event shows what the connection tells.
func (c *chat) event(ctx context.Context, event any) error {
	switch e := event.(type) {
	case *chatv1.Event:
		c.show(e)
	case *clientv1.Welcome:
		for _, r := range e.GetRooms() {
			c.knows(r)
		}
	case *clientv1.UserEvent:
		c.userEvent(e)
	case *clientv1.Profile:
		c.names[e.GetUser().GetId()] = e.GetUser().GetUsername()
		if c.timeline != nil {
			c.timeline.Rename(e.GetUser())
		}
	case *clientv1.Reset:
		if e.GetRoomId() == c.room.GetId() {
			c.screen.Print("* too much has happened; these are the last messages:")
			return c.history(ctx)
		}
	case *clientv1.Gone:
		if e.GetRoomId() == c.room.GetId() {
			c.screen.Print(fmt.Sprintf("* you are no longer a member of %s; /join another room", clean(c.names[c.room.GetId()])))
			c.room, c.timeline, c.thread = nil, nil, 0
		}
	case *clientv1.Signal:
		if e.GetRoomId() == c.room.GetId() && e.GetUserId() != c.me.GetId() {
			if delete(c.typers, e.GetUserId()); e.GetTyping() {
				c.typers[e.GetUserId()] = time.Now().Add(2 * typingEvery)
			}
		}
	case client.StateChange:
		c.state(e)
	}
	return nil
}

// state says once that the connection is gone, and once that it is back.
func (c *chat) state(e client.StateChange) {
	switch {
	case e.State == client.Waiting && !c.offline:
		c.offline = true
		c.screen.Print("* the connection is lost; trying again. What you type is sent when it is back.")
	case e.State == client.Online && c.offline:
		c.offline = false
		c.screen.Print("* back online")
	}
}

// markRead moves the read marker to what is shown, one request at a time.
func (c *chat) markRead(ctx context.Context) {
	if c.read >= c.shown || c.room == nil || c.offline || c.keepUnread {
		return
	}
	room, seq := c.room.GetId(), c.shown
	c.read = ^uint32(0) // until settled
	c.background(ctx, func() result {
		err := c.conn.Read(ctx, room, seq)
		return result{err: err, ack: &clientv1.Ack{RoomId: room, Seq: seq}}
	})
}

// background runs something that waits for the server.
func (c *chat) background(ctx context.Context, do func() result) {
	c.tasks.Go(func() {
		r := do()
		select {
		case c.results <- r:
		case <-ctx.Done():
		}
	})
}

// settle takes an outcome.
func (c *chat) settle(r result) {
	if r.what == "" { // the read marker
		if r.ack.GetRoomId() == c.room.GetId() {
			c.read = r.ack.GetSeq()
		}
		return
	}
	c.pending--
	if r.err != nil {
		c.failed++
	}
	if f, ok := errors.AsType[*client.Error](r.err); ok {
		c.screen.Print(fmt.Sprintf("* not done: %s: %s", r.what, sentence(f)))
	} else if r.err != nil && !errors.Is(r.err, client.ErrClosed) && !errors.Is(r.err, context.Canceled) {
		c.screen.Print(fmt.Sprintf("* not done: %s: %v", r.what, r.err))
	}
	if r.ack.GetRoomId() == c.room.GetId() || r.ack.GetRoomId() == "" {
		c.sent = max(c.sent, r.ack.GetSeq())
	}
}
