// Package user is what an account is, and which e-mail addresses, usernames and passwords it may have.
package user

import (
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// User is an account.
type User struct {
	ID    ids.User
	Email Name
	// EmailVerified: mail to Email has reached whoever has the account.
	EmailVerified bool
	Username      Name
	// Avatar is the URL of a picture; empty: none.
	Avatar string
	// PasswordHash is in PHC form (see package password); empty: no password can sign in.
	PasswordHash string
	Role         Role
	State        State
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
	// BotOwner is whose bot it is; zero: a person. A bot has no e-mail address and no password.
	BotOwner ids.User
}

// IsBot reports whether u is a program that acts by API tokens.
func (u User) IsBot() bool { return !u.BotOwner.IsZero() }

// NewBot is a bot of somebody.
func NewBot(owner ids.User, username Name, avatar string, at time.Time) User {
	id := ids.New[ids.User]()
	// No address has this key: nobody registers it, and no mail is sent to it.
	return User{ID: id, Email: Name{Key: "bot:" + id.String()}, Username: username, Avatar: avatar, CreatedAt: at, BotOwner: owner}
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
	maxAvatar   = 1024 // bytes
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

// Domain is what follows the @ of an e-mail address, in lower case.
func (n Name) Domain() string { return n.Key[strings.LastIndexByte(n.Key, '@')+1:] }

// ParseUsername takes 2 to 32 letters and digits of any script, and _ . - between or around them. Names that differ only
// in case, width or composition are the same name; so that others do not only look the same, Latin, Greek and Cyrillic
// letters are not mixed, and nothing invisible is let in. Errors: InvalidArgument of the field username.
func ParseUsername(s string) (Name, error) {
	// RFC 8265 (UsernameCasePreserved): no spaces, control or compatibility characters, and the Bidi rule of RFC 5893.
	text, err := precis.UsernameCasePreserved.String(strings.TrimSpace(s))
	if err != nil || strings.ContainsFunc(text, notInUsername) {
		return Name{}, fault.Invalid("username", "a username is made of letters, digits and _ . -")
	}
	if n := utf8.RuneCountInString(text); n < minUsername || n > maxUsername {
		return Name{}, fault.Invalid("username", "a username has %d to %d characters", minUsername, maxUsername)
	}
	if mixesScripts(text) {
		return Name{}, fault.Invalid("username", "a username does not mix letters of scripts that look alike")
	}
	// Folding is more than lower case: ß and SS, σ and ς are one. It may take a text out of its normal form.
	return Name{Text: text, Key: norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))}, nil
}

// notInUsername leaves marks in: they are half of a letter in many scripts.
func notInUsername(r rune) bool {
	return !unicode.In(r, unicode.Letter, unicode.Mark, unicode.Nd) && !strings.ContainsRune("_.-", r)
}

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

// ParseAvatar takes the URL of a picture (https, or a path of this server), or nothing. Errors: InvalidArgument of the
// field avatar.
func ParseAvatar(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	isPath := err == nil && u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/")
	isWeb := err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
	if len(s) > maxAvatar || !isPath && !isWeb || strings.HasPrefix(s, "//") {
		return "", fault.Invalid("avatar", "an avatar is the https URL of a picture, of at most %d bytes", maxAvatar)
	}
	return u.String(), nil
}

// Erased is u as the account of somebody who left: nothing of them is in it, and their names are free again. Its messages
// stay, as DeletedName's.
func (u User) Erased() User {
	// No address and no username can have this key.
	gone := "deleted:" + u.ID.String()
	return User{
		ID: u.ID, CreatedAt: u.CreatedAt, State: Deleted,
		Email: Name{Key: gone}, Username: Name{Text: DeletedName, Key: gone},
	}
}

// DeletedName is the username of all who are deleted.
const DeletedName = "deleted user"
