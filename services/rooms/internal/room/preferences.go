package room

import "github.com/natter-chat/natter/pkg/fault"

// Preferences are how one member wants a room shown to them. They end with the membership.
type Preferences struct {
	IsFavourite bool
	// HiddenSeq hides the room as long as its head is not higher; 0: it is shown.
	HiddenSeq     uint32
	Notifications Notifications
	// Rev counts the changes; 0: nothing was ever said.
	Rev uint32
}

// ErrNotMember is the answer to who is not in the room.
var ErrNotMember = fault.New(fault.PermissionDenied, "you are not in this room")

// Notifications is what a member is notified of. The texts are API, and stored.
type Notifications string

// What there is to choose; Unset leaves it to the client.
const (
	Unset    Notifications = ""
	Every    Notifications = "all"
	Mentions Notifications = "mentions"
	Nothing  Notifications = "none"
)

// ParseNotifications reads the field notifications.
func ParseNotifications(s string) (Notifications, error) {
	switch n := Notifications(s); n {
	case Unset, Every, Mentions, Nothing:
		return n, nil
	}
	return "", fault.Invalid("notifications", "must be all, mentions, none or empty")
}
