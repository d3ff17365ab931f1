package wire

import (
	"slices"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// maxNoticed is how many users of a notice are named; the others are only counted.
const maxNoticed = 10

// Notices are what happened between messages, newest first: runs of changes of one kind (of roles: to one role) between
// which there is no message. Changes are events of a room and its members, messages the seqs of its messages; both in order.
func Notices(changes []*store.Event, messages []uint32) []*chatv1.Notice {
	var all []*chatv1.Notice
	for _, e := range changes {
		if e.Member == nil && e.Info == nil {
			continue // wiped with its room
		}
		n := notice(e)
		passed := 0
		for passed < len(messages) && messages[passed] < e.Seq {
			passed++
		}
		messages = messages[passed:]
		if last := len(all) - 1; last >= 0 && passed == 0 && all[last].GetKind() == n.GetKind() && all[last].GetRole() == n.GetRole() {
			all[last] = joined(all[last], n)
			continue
		}
		all = append(all, n)
	}
	slices.Reverse(all)
	return all
}

// notice is that of a single event.
func notice(e *store.Event) *chatv1.Notice {
	n := &chatv1.Notice{
		Seq: e.Seq, FirstSeq: e.Seq, Count: 1, CreatedAt: Time(e.CreatedAt),
		Actor: &chatv1.UserRef{Id: e.Actor.User.String(), Username: e.Actor.Username, Avatar: e.Actor.Avatar},
	}
	if e.Kind == store.KindRoomUpdated {
		n.Kind, n.Room = "room", Room(e)
		return n
	}
	n.Users = []*chatv1.UserRef{user(e.Member)}
	switch {
	case e.Kind == store.KindMemberLeft:
		n.Kind = e.Member.Reason
	case e.Member.IsChange:
		n.Kind, n.Role = "role", e.Member.Role
	default:
		n.Kind = "joined"
	}
	return n
}

// joined is one notice of two that follow each other, the later one of a single event. Who is named already does not count
// again.
func joined(before, n *chatv1.Notice) *chatv1.Notice {
	who := n.GetUsers()
	n.FirstSeq, n.Count, n.Users = before.GetFirstSeq(), before.GetCount(), before.GetUsers()
	if len(who) > 0 && slices.ContainsFunc(n.GetUsers(), func(u *chatv1.UserRef) bool { return u.GetId() == who[0].GetId() }) {
		return n
	}
	n.Count++
	if len(n.GetUsers()) < maxNoticed {
		n.Users = append(n.GetUsers(), who...)
	}
	return n
}
