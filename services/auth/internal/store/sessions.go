package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/authn"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/refresh"
)

// Sessions keeps the sign-ins of users. A session is live until it is revoked or expires; one that is not stays for a
// while, so that gateways learn of it.
type Sessions interface {
	// AddSession adds a session of a user who has proved who they are. If the user then has more than atMost that are not
	// revoked, those that were seen least recently are, and returned. ErrProof when the proof is none (any more), or the
	// account is closed.
	AddSession(ctx context.Context, s Session, by Proof, atMost int) (ended []ids.Session, err error)

	// ChangeSession runs change on a session that nobody else changes meanwhile, and stores what it made of it: LastSeen,
	// ExpiresAt, RevokedAt, Client and Chain. NotFound when there is none; the error of change, and then nothing is stored.
	ChangeSession(ctx context.Context, id ids.Session, change func(*Session) error) error

	// LiveSessions returns the live sessions of a user, the one that was seen last first.
	LiveSessions(ctx context.Context, user ids.User, now time.Time) ([]Session, error)

	// RevokeSession ends a session of a user. NotFound when it is not live, or another user's.
	RevokeSession(ctx context.Context, user ids.User, id ids.Session, now time.Time) error

	// RevokeSessions ends the live sessions of a user, but the one excepted, and returns them.
	RevokeSessions(ctx context.Context, user ids.User, except ids.Session, now time.Time) ([]ids.Session, error)

	// SessionsRevokedSince returns at most limit sessions revoked at a time or later, in the order of their ids, above after.
	SessionsRevokedSince(ctx context.Context, since time.Time, after ids.Session, limit int) ([]Session, error)

	// ForgetSessions removes at most limit sessions that expired or were revoked before a time, and says how many they were.
	ForgetSessions(ctx context.Context, before time.Time, limit int) (int, error)
}

// Proof is what a user has proved to be the one by. To check a password takes a while; of two who have to do with an account
// at the same time, one who signs in and one who changes the password or claims it, the first must not slip through.
type Proof struct {
	// Identity is how they signed in; zero: with a password, whose hash was PasswordHash.
	Identity     ids.Identity
	PasswordHash string
}

// Ended is what a change of an account has ended.
type Ended struct {
	Sessions []ids.Session
	// Tokens are API tokens of the user and of their bots.
	Tokens map[ids.User][]ids.Session
}

// What is refused in the transaction that it would have been done in.
var (
	ErrProof = fault.New(fault.Conflict, "the account was changed at the same time; sign in again")
	// ErrSessionEnded is the answer to changes of the ways into an account that are not made in a live session.
	ErrSessionEnded = fault.New(fault.Unauthenticated, "the session has ended: sign in again")
)

// Session is one sign-in of a user. Times are in UTC, to the millisecond.
type Session struct {
	ID   ids.Session
	User ids.User
	// Method is how it began: "password", or the name of a provider.
	Method    string
	CreatedAt time.Time
	// Client is who used it last, LastSeen when.
	Client   authn.Client
	LastSeen time.Time
	// ExpiresAt is when it ends unless it is used before.
	ExpiresAt time.Time
	// RevokedAt is when it was ended; zero: it was not.
	RevokedAt time.Time
	// Chain is its refresh tokens.
	Chain refresh.Chain
}

// IsLive reports whether a session can still be used.
func (s Session) IsLive(now time.Time) bool { return s.RevokedAt.IsZero() && now.Before(s.ExpiresAt) }
