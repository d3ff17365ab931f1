// Package username says what a username may be, and when two are the same name. auth takes names by it; message-store
// knows by it which words can be mentions.
package username

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

// Min and Max are how many characters a username has.
const (
	Min = 2
	Max = 32
)

// Why a text is no username, in words for people.
var (
	ErrCharacter = errors.New("a username is made of letters, digits and _ . -")
	ErrLength    = errors.New("a username has 2 to 32 characters")
	ErrMixed     = errors.New("a username does not mix letters of scripts that look alike")
	ErrReserved  = errors.New("this name is a mention that calls many, and nobody's username")
)

// Keys of the names that nobody may take: as mentions, @room and @here call many.
const (
	Room = "room"
	Here = "here"
)

// IsReserved reports whether a key is that of a name which nobody may take. Parse does not refuse it: in a text it is a name.
func IsReserved(key string) bool { return key == Room || key == Here }

// Parse takes 2 to 32 letters and digits of any script, and _ . - between or around them. Names that differ only in case,
// width or composition are the same name: they have the same key. So that others do not only look the same, Latin, Greek
// and Cyrillic letters are not mixed, and nothing invisible is let in. Text is the name as it was chosen. Errors are those
// of this package.
func Parse(s string) (text, key string, err error) {
	// RFC 8265 (UsernameCasePreserved): no spaces, control or compatibility characters, and the Bidi rule of RFC 5893.
	text, err = precis.UsernameCasePreserved.String(strings.TrimSpace(s))
	if err != nil || strings.ContainsFunc(text, func(r rune) bool { return !Allowed(r) }) {
		return "", "", ErrCharacter
	}
	if n := utf8.RuneCountInString(text); n < Min || n > Max {
		return "", "", ErrLength
	}
	if mixesScripts(text) {
		return "", "", ErrMixed
	}
	return text, keyOf(text), nil
}

// Prefix is what the keys of all names begin with that a person means who has typed s, the beginning of a name. False: no
// name begins so.
func Prefix(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(norm.NFKC.String(s), func(r rune) bool { return !Allowed(r) }) || utf8.RuneCountInString(s) > Max {
		return "", false
	}
	return keyOf(s), true
}

// keyOf is what different spellings of a name share. Folding is more than lower case: ß and SS, σ and ς are one. It may take a
// text out of its normal form.
func keyOf(name string) string { return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name))) }

// Allowed reports whether a username may hold r. Marks are among it: they are half of a letter in many scripts.
func Allowed(r rune) bool {
	return IsPunctuation(r) || unicode.In(r, unicode.Letter, unicode.Mark, unicode.Nd)
}

// IsPunctuation reports whether r is one of the signs that a username may hold beside letters and digits.
func IsPunctuation(r rune) bool { return r == '_' || r == '.' || r == '-' }

// mixesScripts reports whether a name has letters of more than one of the scripts whose letters pass for each other's.
func mixesScripts(name string) bool {
	n := 0
	for _, script := range []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Cherokee} {
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(script, r) }) {
			n++
		}
	}
	return n > 1
}
