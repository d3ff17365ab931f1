package room

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/role"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
)

// A ruleCase is a rule, what it sees, and what it decides in words: said of a change, refused of an error, or nothing.
type ruleCase struct {
	decide Decide
	view   View
	want   string
}

// What rules decide when they make no change.
const (
	nothing = "nothing"
	denied  = string(fault.PermissionDenied)
	unknown = string(fault.NotFound)
	full    = string(fault.ResourceExhausted)
	behind  = string(fault.Unavailable)
)

// at is when these changes are made.
var at = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

// checkRules checks rules, all on an ordinary room that they do not say otherwise of.
func checkRules(t *testing.T, cases map[string]ruleCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.view.At = at
			if tc.view.Room.Kind == "" {
				tc.view.Room.Kind = role.Room
			}
			c, err := tc.decide(tc.view)
			got := nothing
			switch {
			case err != nil:
				got = refused(t, err)
			case c != nil:
				got = said(t, c)
			}
			if got != tc.want {
				t.Errorf("decided %q, want %q", got, tc.want)
			}
		})
	}
}

// refused is the code of an error, and the field it names.
func refused(t *testing.T, err error) string {
	t.Helper()
	f := fault.From(err)
	if f.Message == "" {
		t.Errorf("%v says nothing to people", err)
	}
	return strings.TrimSpace(string(f.Code) + " " + f.Field)
}

// said is a change in words: what is stored; who did it: the event.
func said(t *testing.T, c *Change) string {
	t.Helper()
	var stored []string
	if s := c.Standing; s != nil && s.Role == role.None {
		stored = append(stored, "out"+lasting(" muted", s.MutedUntil))
	} else if s != nil {
		stored = append(stored, string(s.Role)+lasting(" muted", s.MutedUntil))
	}
	if c.Ban != nil {
		stored = append(stored, "ban"+lasting("", c.Ban.ExpiresAt)+because(c.Ban.Reason))
	}
	if c.LiftBan {
		stored = append(stored, "lift")
	}
	if c.Delete {
		stored = append(stored, "delete")
	}
	if c.Settings != nil {
		stored = append(stored, fmt.Sprintf("%+v", *c.Settings))
	}
	words := strings.Join(stored, ", ") + "; "
	if c.Silent() {
		return words + "silent"
	}
	data, err := c.Command(ids.Room{}, 7)
	if err != nil {
		t.Fatal(err)
	}
	var command busv1.Command
	if err := proto.Unmarshal(data, &command); err != nil {
		t.Fatal(err)
	}
	if command.GetNonce() != bus.VersionNonce(7) {
		t.Errorf("nonce %q", command.GetNonce())
	}
	return words + command.GetActor().GetUserId() + ": " + event(t, &command)
}

// event is the event of a command in words.
func event(t *testing.T, c *busv1.Command) string {
	t.Helper()
	version, words := uint32(0), ""
	switch body := c.GetBody().(type) {
	case *busv1.Command_MemberJoined:
		j := body.MemberJoined
		version, words = j.GetVersion(), "joined "+j.GetUser().GetId()+" as "+j.GetRole()
		if j.GetIsChange() {
			words = "changed " + j.GetUser().GetId() + " to " + j.GetRole()
		}
		if j.GetMutedUntil() != nil {
			words += lasting(" muted", j.GetMutedUntil().AsTime())
		}
	case *busv1.Command_MemberLeft:
		l := body.MemberLeft
		version, words = l.GetVersion(), l.GetReason()+" "+l.GetUser().GetId()+because(l.GetNote())
	case *busv1.Command_RoomUpdated:
		u := body.RoomUpdated
		version, words = u.GetVersion(), fmt.Sprintf("%+v", Settings{
			Name: u.GetName(), Description: u.GetDescription(), Topic: u.GetTopic(), Avatar: u.GetAvatar(), IsPrivate: u.GetIsPrivate(),
			IsArchived: u.GetIsArchived(), IsAnnouncement: u.GetIsAnnouncement(), SlowMode: u.GetSlowModeSeconds(),
		})
		if u.GetIsDeleted() {
			words = "deleted " + words
		}
	}
	if version != 7 {
		t.Errorf("version %d in %v", version, c)
	}
	return words
}

func lasting(what string, until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return what + " for " + until.Sub(at).String()
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " because " + reason
}
