package room

import (
	"github.com/natter-chat/natter/pkg/role"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Names are the names in the content of a command that somebody must be found for before Decide; nil for most.
func (c *Command) Names() (names []mention.Reading) {
	for _, p := range c.Places {
		for _, r := range p.Readings {
			if r.Key != mention.Room && r.Key != mention.Here {
				names = append(names, r)
			}
		}
	}
	return names
}

// mentions are the places of a command that name members; and everybody, if its actor may call them. The others are text.
func (s *State) mentions(c *Command) (found []store.Mention) {
	for _, p := range c.Places {
		for _, r := range p.Readings {
			if m, ok := s.mention(c, r); ok {
				m.Offset, m.Length = p.Offset, r.Length
				found = append(found, m)
				break
			}
		}
	}
	return found
}

func (s *State) mention(c *Command, r mention.Reading) (store.Mention, bool) {
	switch r.Key {
	case mention.Room:
		return store.Mention{Kind: store.MentionRoom}, s.may(c.Event.Actor.User, role.MentionRoom)
	case mention.Here:
		return store.Mention{Kind: store.MentionHere}, s.may(c.Event.Actor.User, role.MentionRoom)
	}
	user, known := c.Users[r.Key]
	return store.Mention{Kind: store.MentionUser, User: user}, known && s.members[user].Role != role.None
}
