package client

import (
	"slices"

	"google.golang.org/protobuf/proto"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// maxNoticed is how many users of a notice are named; the others are only counted.
const maxNoticed = 10

// notice says what happened between messages. It goes on with the newest notice when that is of the same kind and no message
// stands between; threads have none.
func (t *Timeline) notice(e *chatv1.Event) {
	n := noticeOf(e)
	if n == nil || t.Thread != 0 {
		return
	}
	if last := len(t.Notices) - 1; last >= 0 && t.continues(t.Notices[last], n) {
		t.Notices[last] = joinNotices(t.Notices[last], n)
		return
	}
	t.Notices = append(t.Notices, n)
}

func (t *Timeline) continues(before, n *chatv1.Notice) bool {
	last := len(t.Messages) - 1
	return before.GetKind() == n.GetKind() && before.GetRole() == n.GetRole() && (last < 0 || t.Messages[last].GetSeq() < before.GetSeq())
}

// joinNotices makes one of two that follow each other, the later one of a single event. Who is named already does not count
// again.
func joinNotices(before, n *chatv1.Notice) *chatv1.Notice {
	all := proto.CloneOf(n)
	all.FirstSeq, all.Count, all.Users = before.GetFirstSeq(), before.GetCount(), proto.CloneOf(before).GetUsers()
	who := n.GetUsers()
	if len(who) > 0 && slices.ContainsFunc(all.GetUsers(), func(u *chatv1.UserRef) bool { return u.GetId() == who[0].GetId() }) {
		return all
	}
	all.Count++
	if len(all.GetUsers()) < maxNoticed {
		all.Users = append(all.GetUsers(), who...)
	}
	return all
}

// noticeOf is the notice of a single event; nil: it is none that people are shown.
func noticeOf(e *chatv1.Event) *chatv1.Notice {
	n := &chatv1.Notice{
		Seq: e.GetSeq(), FirstSeq: e.GetSeq(), Count: 1, CreatedAt: e.GetCreatedAt(),
		Actor: &chatv1.UserRef{Id: e.GetActor().GetUserId(), Username: e.GetActor().GetUsername(), Avatar: e.GetActor().GetAvatar()},
	}
	switch body := e.GetBody().(type) {
	case *chatv1.Event_MemberJoined:
		n.Kind, n.Users = "joined", []*chatv1.UserRef{body.MemberJoined.GetUser()}
		if body.MemberJoined.GetIsChange() {
			n.Kind, n.Role = "role", body.MemberJoined.GetRole()
		}
	case *chatv1.Event_MemberLeft:
		n.Kind, n.Users = body.MemberLeft.GetReason(), []*chatv1.UserRef{body.MemberLeft.GetUser()}
	case *chatv1.Event_RoomUpdated:
		n.Kind, n.Room = "room", body.RoomUpdated
	default:
		return nil
	}
	return n
}
