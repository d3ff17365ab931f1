// Package user is what an account is, and which e-mail addresses, usernames and passwords it may have.
package user

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// User is an account.
type User struct {
	ID       ids.User
	Email    Name
	Username Name
	// Avatar is the URL of a picture; empty: none.
	Avatar string
	// PasswordHash is in PHC form (see package password); empty: no password can sign in.
	PasswordHash string
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
}

// Name is something that no two accounts may share, however it is spelt.
type Name struct {
	// Text is as it was chosen.
	Text string
	// Key is the same for every spelling: lower case, Unicode normalised. It is unique in the database.
	Key string
}

// The limits of what a person chooses.
const (
	maxEmail    = 254 // bytes: what fits an SMTP command (RFC 5321)
	minUsername = 2   // characters
	maxUsername = 32
	minPassword = 8   // bytes
	maxPassword = 128 // bounds the work of one sign-in
)

// ParseEmail takes a bare address (RFC 5322) with a domain. Errors: InvalidArgument of the field email.
func ParseEmail(s string) (Name, error) {
	s = norm.NFC.String(strings.TrimSpace(s)) // keyboards that complete words leave a space behind
	if len(s) > maxEmail {
		return Name{}, fault.Invalid("email", "the e-mail address is longer than %d bytes", maxEmail)
	}
	address, err := mail.ParseAddress(s)
	if err != nil || address.Name != "" || address.Address != s {
		return Name{}, fault.Invalid("email", "this is not an e-mail address")
	}
	return Name{Text: s, Key: strings.ToLower(s)}, nil
}

// ParseUsername takes 2 to 32 letters and digits of any script, and _ . - between or around them. Look-alikes of another
// width or composition are the same name (RFC 8265, UsernameCaseMapped). Errors: InvalidArgument of the field username.
func ParseUsername(s string) (Name, error) {
	text, err := precis.UsernameCasePreserved.String(strings.TrimSpace(s))
	if err != nil || strings.ContainsFunc(text, notInUsername) {
		return Name{}, fault.Invalid("username", "a username is made of letters, digits and _ . -")
	}
	if n := utf8.RuneCountInString(text); n < minUsername || n > maxUsername {
		return Name{}, fault.Invalid("username", "a username has %d to %d characters", minUsername, maxUsername)
	}
	key, err := precis.UsernameCaseMapped.String(text)
	if err != nil {
		return Name{}, fault.Invalid("username", "a username is made of letters, digits and _ . -")
	}
	return Name{Text: text, Key: key}, nil
}

// notInUsername leaves marks in: they are half of a letter in many scripts.
func notInUsername(r rune) bool {
	return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Nd) && !strings.ContainsRune("_.-", r)
}

// CheckPassword checks a new password. Errors: InvalidArgument of the field password.
func CheckPassword(s string) error {
	if len(s) < minPassword || len(s) > maxPassword {
		return fault.Invalid("password", "a password has %d to %d bytes", minPassword, maxPassword)
	}
	return nil
}
