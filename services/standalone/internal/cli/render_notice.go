package cli

import (
	"fmt"
	"strings"

	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// namedInNotice is how many people a notice names.
const namedInNotice = 3

// notice is what happened between messages, in one line: · ana, ben and 12 others joined
func notice(n *chatv1.Notice) string {
	var did string
	switch n.GetKind() {
	case "joined":
		did = "joined"
	case "left":
		did = "left"
	case "kicked":
		did = "removed by " + clean(n.GetActor().GetUsername())
	case "banned":
		did = "banned by " + clean(n.GetActor().GetUsername())
	case "role":
		did = "→ " + roleName(n.GetRole()) + ", by " + clean(n.GetActor().GetUsername())
	case "room":
		return fmt.Sprintf("· %s changed the room: %s", clean(n.GetActor().GetUsername()), roomNote(n.GetRoom()))
	default:
		return "· something happened that this client is too old to show"
	}
	return fmt.Sprintf("· %s %s", people(n.GetUsers(), int(n.GetCount())), did)
}

// people are the first few by name, and how many more.
func people(users []*chatv1.UserRef, all int) string {
	var names []string
	for _, u := range users[:min(len(users), namedInNotice)] {
		names = append(names, clean(u.GetUsername()))
	}
	if rest := all - len(names); rest > 0 {
		names = append(names, count(rest, "other", "others"))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// memberNote is a change of a room or its members, as it happens.
func memberNote(e *chatv1.Event) string {
	actor := clean(e.GetActor().GetUsername())
	switch body := e.GetBody().(type) {
	case *chatv1.Event_MemberJoined:
		j := body.MemberJoined
		who := clean(j.GetUser().GetUsername())
		switch {
		case j.GetIsChange() && j.GetMutedUntil().AsTime().After(e.GetCreatedAt().AsTime()):
			return fmt.Sprintf("%s is muted until %s, by %s", who, clock(j.GetMutedUntil()), actor)
		case j.GetIsChange():
			return fmt.Sprintf("%s is now %s, by %s", who, roleName(j.GetRole()), actor)
		}
		return fmt.Sprintf("%s is a member (%s)", who, clean(j.GetRole()))
	case *chatv1.Event_MemberLeft:
		l := body.MemberLeft
		text := fmt.Sprintf("%s is no longer a member (%s)", clean(l.GetUser().GetUsername()), clean(l.GetReason()))
		if l.GetReason() != "left" {
			text = fmt.Sprintf("%s is no longer a member (%s by %s)", clean(l.GetUser().GetUsername()), clean(l.GetReason()), actor)
		}
		if l.GetNote() != "" {
			text += ": " + clean(l.GetNote())
		}
		return text
	}
	return fmt.Sprintf("%s changed the room: %s", actor, roomNote(e.GetRoomUpdated()))
}

func roleName(role string) string { return strings.ReplaceAll(clean(role), "_", "-") }

// roomNote is what a room is now: its name, and what is unusual about it.
func roomNote(r *chatv1.RoomUpdated) string {
	if r.GetIsDeleted() {
		return "it is deleted"
	}
	text := clean(r.GetName())
	if r.GetTopic() != "" {
		text += fmt.Sprintf(" – “%s”", clean(r.GetTopic()))
	}
	if r.GetIsArchived() {
		text += ", archived"
	}
	if r.GetIsAnnouncement() {
		text += ", for announcements"
	}
	if s := r.GetSlowModeSeconds(); s > 0 {
		text += fmt.Sprintf(", a message every %d s", s)
	}
	return text
}
