package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
)

// Identities keeps who users are at OpenID providers, and which sign-ins through those were used up.
type Identities interface {
	// AddIdentity links an identity to a user. ErrIdentityTaken when it is linked, to whomever; NotFound without such a user;
	// ErrSessionEnded unless the user's session by is live (zero: it is not asked for).
	AddIdentity(ctx context.Context, i Identity, by ids.Session) error

	// ClaimUser gives the account with an unverified e-mail address to whoever has proved to have the address, and links
	// the identity by which they did: every other way in ends (password, identities, second factor, sessions, API tokens, also
	// of bots), and the address is verified. Conflict when the address is verified by now.
	ClaimUser(ctx context.Context, i Identity) (Ended, error)

	// IdentityBySubject returns who a provider vouches for, or NotFound.
	IdentityBySubject(ctx context.Context, issuer, subject string) (Identity, error)

	// IdentitiesOf returns those of a user, oldest first.
	IdentitiesOf(ctx context.Context, user ids.User) ([]Identity, error)

	// RemoveIdentity unlinks an identity of a user. NotFound when there is none; ErrLastWayIn when nothing would be left to
	// sign in with: no password and no other identity.
	RemoveIdentity(ctx context.Context, user ids.User, id ids.Identity) error

	// UseOnce remembers the id of something that may be used once, until it has expired anyway. AlreadyExists when it was
	// used, by whichever instance. It forgets what expired before now.
	UseOnce(ctx context.Context, id string, expires, now time.Time) error
}

// Identity is a user at an OpenID provider.
type Identity struct {
	ID   ids.Identity
	User ids.User
	// Issuer and Subject are unique together. The name of the provider in the settings is not kept: it may change.
	Issuer, Subject string
	// Email is the address at the provider when the identity was linked, for people to tell their identities apart.
	Email     string
	CreatedAt time.Time
}

// What Identities answers when it refuses.
var (
	ErrIdentityTaken = &fault.Fault{Code: fault.AlreadyExists, Message: "this sign-in is linked to an account already"}
	ErrLastWayIn     = &fault.Fault{Code: fault.Conflict, Message: "this is the only way to sign in to the account; set a password first"}
	ErrClaimed       = &fault.Fault{Code: fault.Conflict, Message: "the account was verified at the same time; try again"}
)
