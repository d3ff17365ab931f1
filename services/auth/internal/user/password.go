package user

import (
	_ "embed"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
)

// The limits of a password, in characters: those of NIST SP 800-63B, with a bound on the work of one sign-in.
const (
	minPassword = 8
	maxPassword = 128
	// maxPasswordBytes lets the longest password have four bytes in each character.
	maxPasswordBytes = 4 * maxPassword
)

// common is the passwords that are tried first, one per line, in lower case, and what they begin with: those of at least 6
// characters from the list that comes with Openwall's John the Ripper (public domain), and some that are newer.
//
//go:embed common_passwords.txt
var common string

// CheckPassword checks a new password for an account with these names. What it must be made of, it does not say: length
// is what counts (NIST SP 800-63B, 3.1.1.2). Errors: InvalidArgument of the field.
func CheckPassword(field, password string, names ...Name) error {
	plain := norm.NFKC.String(password)
	if n := utf8.RuneCountInString(plain); !utf8.ValidString(password) || n < minPassword || n > maxPassword || len(password) > maxPasswordBytes {
		return fault.Invalid(field, "a password has %d to %d characters", minPassword, maxPassword)
	}
	plain = strings.ToLower(plain)
	// What people put behind a password that was refused.
	base := strings.TrimRightFunc(plain, func(r rune) bool { return !unicode.IsLetter(r) })
	if isCommon(plain) || isCommon(base) {
		return fault.Invalid(field, "this password is one of the first that are tried; choose another")
	}
	for _, name := range names {
		local, _, _ := strings.Cut(name.Key, "@")
		if plain == name.Key || base != "" && base == local {
			return fault.Invalid(field, "a password must not be your name or e-mail address")
		}
	}
	return nil
}

// isCommon reports whether a password is in the list, or one character or a run (12345678, abcdefgh) and nothing else.
func isCommon(password string) bool {
	if password != "" && strings.Contains("\n"+common, "\n"+password+"\n") && !strings.Contains(password, "\n") {
		return true
	}
	steps := map[rune]bool{}
	last := rune(-1)
	for _, r := range password {
		if last >= 0 {
			steps[r-last] = true
		}
		last = r
	}
	return len(steps) == 1 && (steps[0] || steps[1] || steps[-1])
}
