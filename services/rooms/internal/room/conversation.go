package room

import (
	"bytes"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Pair is the two people of a direct conversation, the lesser id first; they may be the same. The zero value is no pair.
// It is stored as text: the two ids with a space between them.
type Pair [2]ids.User //nolint:recvcheck // Scan sets it

// PairOf is the pair of two users, whoever asks.
func PairOf(a, b ids.User) Pair {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return Pair{a, b}
}

// People are the different users in the pair.
func (p Pair) People() []ids.User {
	switch {
	case p == Pair{}:
		return nil
	case p[0] == p[1]:
		return p[:1]
	}
	return p[:]
}

// Value implements driver.Valuer. No pair is NULL, of which a unique index may hold many.
func (p Pair) Value() (driver.Value, error) {
	if p == (Pair{}) {
		return nil, nil
	}
	return p[0].String() + " " + p[1].String(), nil
}

// Scan implements sql.Scanner.
func (p *Pair) Scan(v any) (err error) {
	*p = Pair{}
	if v == nil {
		return nil
	}
	text, ok := v.(string)
	first, second, found := strings.Cut(text, " ")
	if !ok || !found {
		return fmt.Errorf("cannot scan %T into a pair", v)
	}
	if p[0], err = ids.ParseUser(first); err == nil {
		p[1], err = ids.ParseUser(second)
	}
	return err
}

// ConversationWindow is the time in which the conversations that one user starts are counted.
const ConversationWindow = 24 * time.Hour

// MaxGroup is how many people a group begins with, at most; more can be added.
const MaxGroup = 50

// Start lets a user start another direct conversation or group; there is how many they started within ConversationWindow.
func (l Limits) Start(there int) error {
	if there >= l.ConversationsPerDay {
		return fault.New(fault.ResourceExhausted, "one user can start %d conversations a day", l.ConversationsPerDay)
	}
	return nil
}

// Converse makes user one of the two in a direct conversation. It counts for no limit of rooms: otherwise strangers could
// use up somebody's.
func Converse(actor, user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		if v.Target != role.None {
			return nil, nil
		}
		return stands(actor, user, Standing{Role: role.Member}), nil
	}
}

// Gather makes user one of the first members of a group, whose first one owns it.
func (l Limits) Gather(actor, user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		switch {
		case v.Target != role.None:
			return nil, nil
		case v.TargetRooms >= l.RoomsPerUser:
			return nil, fault.New(fault.ResourceExhausted, "%s is in as many rooms as one user can be", user.GetUsername())
		}
		return stands(actor, user, Standing{Role: v.newcomer()}), nil
	}
}
