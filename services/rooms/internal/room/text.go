package room

import (
	"strings"
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
