// Package user is what an account is, and which e-mail addresses, usernames and passwords it may have.
package user

import (
	"net/mail"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/username"
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
	maxEmail = 254 // bytes: what fits an SMTP command (RFC 5321)
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

// ParseUsername takes what package username takes, but for what is reserved. Errors: InvalidArgument of the field username.
func ParseUsername(s string) (Name, error) {
	text, key, err := username.Parse(s)
	if err == nil && username.IsReserved(key) {
		err = username.ErrReserved
	}
	if err != nil {
		return Name{}, fault.Invalid("username", "%v", err)
	}
	return Name{Text: text, Key: key}, nil
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
