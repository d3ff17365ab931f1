package client

import (
	clientv1 "github.com/natter-chat/natter/proto/gen/natter/client/v1"
)

// Watch replaces the set of users (≤ 200) whose Presence is wanted: that of each comes at once, and when it changes. It is said
// again after each reconnect.
func (c *Conn) Watch(userIDs ...string) {
	c.mu.Lock()
	c.watched = userIDs
	c.mu.Unlock()
	c.sendSmall(watchFrame(userIDs))
}

func watchFrame(userIDs []string) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Watch{Watch: &clientv1.Watch{UserIds: userIDs}}}
}

// Away says whether nobody is at this client. The user is shown as away when that is so at all of their clients. It is said
// again after each reconnect.
func (c *Conn) Away(away bool) {
	c.mu.Lock()
	c.away = away
	c.mu.Unlock()
	c.sendSmall(awayFrame(away))
}

func awayFrame(away bool) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Frame: &clientv1.ClientFrame_Away{Away: &clientv1.Away{Away: away}}}
}

// present says again what the server forgets with a connection. c.mu is held.
func (c *Conn) present(s *session) error {
	if c.away { // before anybody sees the user online
		if err := c.enqueue(s, awayFrame(true)); err != nil {
			return err
		}
	}
	if len(c.watched) > 0 {
		return c.enqueue(s, watchFrame(c.watched))
	}
	return nil
}
