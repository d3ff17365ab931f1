package room

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/natter-chat/natter/pkg/fault"
)

// Name returns a room's name as it is stored, without the white space around it: one line with something to see in it.
func (l Limits) Name(s string) (string, error) {
	s = strings.TrimSpace(s)
	if err := check("name", s, l.NameChars, ""); err != nil {
		return "", err
	}
	if !strings.ContainsFunc(s, visible) {
		return "", fault.Invalid("name", "a room needs a name")
	}
	return s, nil
}

// Description returns a room's description as it is stored. It may be empty and have several lines.
func (l Limits) Description(s string) (string, error) {
	s = strings.TrimSpace(s)
	return s, check("description", s, l.DescriptionChars, "\n\t")
}

// Topic returns a room's topic as it is stored: one line, or nothing.
func (l Limits) Topic(s string) (string, error) {
	s = strings.TrimSpace(s)
	return s, check("topic", s, l.TopicChars, "")
}

// maxSlowMode is the longest pause between two messages, in seconds: six hours.
const maxSlowMode = 6 * 60 * 60

// CheckSlowMode checks how many seconds members wait between two messages.
func CheckSlowMode(seconds uint32) error {
	if seconds > maxSlowMode {
		return fault.Invalid("slowModeSeconds", "must be 0 to %d", maxSlowMode)
	}
	return nil
}

// maxReason is how many characters a reason may have.
const maxReason = 500

// Reason returns why somebody is kicked or banned, as it is stored. It may be empty and have several lines.
func Reason(s string) (string, error) {
	s = strings.TrimSpace(s)
	return s, check("reason", s, maxReason, "\n\t")
}

// maxMute is the longest mute, in seconds: a year. Who is to be silent for longer is made read-only.
const maxMute = 365 * 24 * 60 * 60

// Mute returns how long a member is muted.
func Mute(seconds uint32) (time.Duration, error) {
	if seconds > maxMute {
		return 0, fault.Invalid("mutedSeconds", "must be 0 to %d", maxMute)
	}
	return time.Duration(seconds) * time.Second, nil
}

func check(field, s string, most int, allowed string) error {
	if !utf8.ValidString(s) {
		return fault.Invalid(field, "not valid UTF-8")
	}
	if utf8.RuneCountInString(s) > most {
		return fault.Invalid(field, "longer than %d characters", most)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune(allowed, r) }) {
		return fault.Invalid(field, "control characters are not allowed")
	}
	return nil
}

// visible: not a space, a joiner or a mark alone.
func visible(r rune) bool {
	return unicode.In(r, unicode.Letter, unicode.Number, unicode.Punct, unicode.Symbol)
}
