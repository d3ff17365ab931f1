package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/natter-chat/natter/pkg/client"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

func (c *chat) view() view {
	return view{me: c.me.GetId(), timeline: c.timeline, highlight: c.screen.Highlight}
}

// knows takes the news of a room of the user.
func (c *chat) knows(r *clientv1.RoomState) {
	c.states[r.GetRoom().GetId()] = r
	c.names[r.GetRoom().GetId()] = roomTitle(r.GetRoom(), c.me.GetId())
}

// roomTitle is the name of a room or, of a conversation without one, the others in it.
func roomTitle(r *chatv1.Room, me string) string {
	if r.GetName() != "" {
		return r.GetName()
	}
	var others []*chatv1.UserRef
	for _, u := range r.GetMembers() {
		if u.GetId() != me {
			others = append(others, u)
		}
	}
	if len(others) == 0 && r.GetMemberCount() <= 1 {
		return "notes"
	}
	return people(others, max(len(others), int(r.GetMemberCount())-1))
}

func (c *chat) userEvent(e *clientv1.UserEvent) {
	switch {
	case e.GetJoined() != nil:
		c.knows(e.GetJoined())
	case e.GetMarker() != nil && e.GetMarker().GetThread() == 0:
		if r := c.states[e.GetMarker().GetRoomId()]; r != nil {
			m := e.GetMarker()
			r.ReadSeq, r.Unread, r.Mentions, r.HeadSeq = m.GetReadSeq(), m.GetUnread(), m.GetMentions(), m.GetHeadSeq()
		}
	case e.GetInvited() != nil && !e.GetInvited().GetRevoked():
		i := e.GetInvited()
		to := cmp.Or(clean(i.GetRoom().GetName()), "a group")
		c.screen.Print(fmt.Sprintf("* %s invites you to %s; /accept %s", clean(i.GetBy().GetUsername()), to, i.GetInvitationId()))
	}
}

// show shows what happened in a room: all of it in the current one, messages in others.
func (c *chat) show(e *chatv1.Event) {
	c.names[e.GetActor().GetUserId()] = e.GetActor().GetUsername()
	if updated := e.GetRoomUpdated(); updated.GetName() != "" {
		c.names[e.GetRoomId()] = updated.GetName()
	}
	if e.GetRoomId() != c.room.GetId() {
		if e.GetMessage() != nil {
			elsewhere := view{me: c.me.GetId(), highlight: c.screen.Highlight}
			c.screen.Print(clean(c.names[e.GetRoomId()]) + " | " + elsewhere.event(e))
		}
		return
	}
	if e.GetSeq() <= c.shown {
		return // it was in the history
	}
	c.shown = e.GetSeq()
	c.timeline.Apply(e)
	delete(c.typers, e.GetActor().GetUserId())
	c.screen.Print(c.view().event(e))
}

// history shows the last messages of the current room, what happened between them, and where the unread ones begin.
func (c *chat) history(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page, err := c.conn.Fetch(ctx, c.room.GetId(), client.Which{Limit: historyLength})
	if err != nil {
		return fmt.Errorf("read the history of %s: %w", clean(c.names[c.room.GetId()]), err)
	}
	c.timeline = client.NewTimeline(page)
	c.printTimeline(c.timeline, c.states[c.room.GetId()])
	c.shown = max(c.shown, page.GetAsOfSeq())
	return nil
}

// printTimeline prints messages and notices in their order.
func (c *chat) printTimeline(t *client.Timeline, state *clientv1.RoomState) {
	v, notices, isUnread := c.view(), t.Notices, false
	unread, calls := c.unreadIn(t, state)
	noticesBefore := func(seq uint32) {
		for len(notices) > 0 && notices[0].GetSeq() < seq {
			c.screen.Print(notice(notices[0]))
			notices = notices[1:]
		}
	}
	for _, m := range t.Messages {
		c.names[m.GetUserId()] = m.GetUsername()
		noticesBefore(m.GetSeq())
		if !isUnread && unread > 0 && m.GetSeq() > state.GetReadSeq() && m.GetUserId() != c.me.GetId() {
			isUnread = true
			c.screen.Print(unreadLine(unread, calls))
		}
		c.screen.Print(v.message(m))
	}
	noticesBefore(^uint32(0))
}

// unreadIn is how many messages are unread, and how many of those call the user: what the state says as of its head, and
// what others have said since. Nothing is unread in a room of which there is no state: it was joined just now.
func (c *chat) unreadIn(t *client.Timeline, state *clientv1.RoomState) (unread, calls int) {
	if state == nil {
		return 0, 0
	}
	unread, calls = int(state.GetUnread()), int(state.GetMentions())
	for _, m := range t.Messages {
		if m.GetSeq() <= max(state.GetHeadSeq(), state.GetReadSeq()) || m.GetUserId() == c.me.GetId() {
			continue
		}
		unread++
		if c.view().calls(m.GetMentions()) {
			calls++
		}
	}
	return unread, calls
}

// unreadLine stands above the first unread message.
func unreadLine(unread, calls int) string {
	text := fmt.Sprintf("%d unread", unread)
	if calls > 0 {
		text += ", " + count(calls, "of them calls you", "of them call you")
	}
	return "──── " + text + " ────"
}

// openThread shows a thread; what is typed from then on is said in it. Without a number it goes back to the room.
func (c *chat) openThread(ctx context.Context, args string) error {
	if c.room == nil {
		return errNoRoom
	}
	if args == "" {
		c.thread = 0
		return nil
	}
	root, _, err := numbered(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	m, err := c.api.Message(ctx, c.room.GetId(), root)
	if err != nil {
		return err
	}
	page, err := c.conn.Fetch(ctx, c.room.GetId(), client.Which{Limit: historyLength, Thread: root})
	if err != nil {
		return err
	}
	v := c.view()
	c.screen.Print("* " + v.message(m))
	for _, reply := range slices.Backward(page.GetMessages()) {
		c.screen.Print("  " + v.message(reply))
	}
	c.screen.Print("* what you type is said in this thread; /thread goes back to the room")
	c.thread = root
	if newest := page.GetMessages(); len(newest) > 0 {
		return c.conn.ReadThread(ctx, c.room.GetId(), root, newest[0].GetSeq())
	}
	return nil
}
