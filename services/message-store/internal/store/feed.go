package store

import "github.com/natter-chat/natter/pkg/ids"

// Feed is the next part of a room's log for those who keep something about its messages, such as the search.
type Feed struct {
	// Messages are those that the events are about, as they are now: posted, edited, deleted, reacted to or pinned by them.
	Messages []*Message
	// To is the seq of the last of the events, LastAt when it happened; 0: there are none.
	To     uint32
	LastAt int64
	// Ended: one of them is the deletion of the room.
	Ended bool
	Head  Head
}

// Add takes the next event into account: m with the Fold that it has if it is a message. It returns the seq of the message
// that the event changed, 0: of none.
func (f *Feed) Add(m *Message) (changed uint32) {
	e := m.Event
	f.To, f.LastAt = e.Seq, e.CreatedAt
	switch {
	case e.Kind == KindMessage:
		f.Messages = append(f.Messages, m)
	case e.Kind.Targets():
		return e.Target
	case e.Kind == KindRoomUpdated:
		f.Ended = f.Ended || e.Info.IsDeleted
	}
	return 0
}

// Missing are those of the changed messages of a room that the feed does not have yet, each once.
func (f *Feed) Missing(room ids.Room, changed []uint32) (refs []Ref) {
	if len(changed) == 0 {
		return nil
	}
	has := make(map[uint32]bool, len(f.Messages))
	for _, m := range f.Messages {
		has[m.Event.Seq] = true
	}
	for _, seq := range changed {
		if seq > 0 && !has[seq] {
			has[seq] = true
			refs = append(refs, Ref{Room: room, Seq: seq})
		}
	}
	return refs
}
