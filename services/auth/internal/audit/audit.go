// Package audit is what the log of security events holds. The service appends to it (Service.audit), administrators read
// it, and nobody changes it.
package audit

import (
	"slices"
	"time"

	"github.com/natter-chat/natter/pkg/ids"
)

// Kind says what happened. The texts are API: people filter by them.
type Kind string

// The kinds. An event about one account names it in Event.User.
const (
	UserRegistered     Kind = "user_registered"
	LoginOK            Kind = "login_ok"
	LoginFailed        Kind = "login_failed" // Detail: why; User is zero when there is no such account
	BotCreated         Kind = "bot_created"
	BotDeleted         Kind = "bot_deleted"
	TokenCreated       Kind = "token_created" // Detail: name and scopes
	TokenRevoked       Kind = "token_revoked"
	SessionsRevoked    Kind = "sessions_revoked"     // Detail: which, or how many
	RefreshTokenReused Kind = "refresh_token_reused" // Detail: the session, which has been ended
	IdentityLinked     Kind = "identity_linked"      // Detail: the provider, and why
	IdentityUnlinked   Kind = "identity_unlinked"
	AccountClaimed     Kind = "account_claimed" // by who has its unverified e-mail address; all other ways in are removed
	KeysRotated        Kind = "keys_rotated"    // an operator began a rotation; those on schedule are not events
	KeysRevoked        Kind = "keys_revoked"

	EmailVerified     Kind = "email_verified"
	EmailChanged      Kind = "email_changed" // Detail: the old address
	PasswordChanged   Kind = "password_changed"
	PasswordReset     Kind = "password_reset"
	ProfileChanged    Kind = "profile_changed" // Detail: the old username
	UserDeactivated   Kind = "user_deactivated"
	UserReactivated   Kind = "user_reactivated"
	UserDeleted       Kind = "user_deleted"
	RoleChanged       Kind = "role_changed" // Detail: the new role
	SecondFactorOn    Kind = "second_factor_on"
	SecondFactorOff   Kind = "second_factor_off"
	RecoveryCodeUsed  Kind = "recovery_code_used"
	RecoveryCodesMade Kind = "recovery_codes_made"
	InvitationCreated Kind = "invitation_created" // Detail: its id and note
	InvitationRevoked Kind = "invitation_revoked" // Detail: its id
)

// kinds are all of them, for Known.
var kinds = []Kind{
	UserRegistered, LoginOK, LoginFailed, BotCreated, BotDeleted, TokenCreated, TokenRevoked,
	SessionsRevoked, RefreshTokenReused,
	IdentityLinked, IdentityUnlinked, AccountClaimed,
	KeysRotated, KeysRevoked,
	EmailVerified, EmailChanged, PasswordChanged, PasswordReset, ProfileChanged, UserDeactivated, UserReactivated, UserDeleted,
	RoleChanged, SecondFactorOn, SecondFactorOff, RecoveryCodeUsed, RecoveryCodesMade, InvitationCreated, InvitationRevoked,
}

// Known reports whether k is one of the kinds above: a filter by another is a mistake.
func (k Kind) Known() bool { return slices.Contains(kinds, k) }

// Event is one entry.
type Event struct {
	// ID grows with every event; it is the store's to choose.
	ID int64
	// At is in UTC, to the millisecond.
	At   time.Time
	Kind Kind
	// User is whose account it is about; zero: nobody's that exists.
	User ids.User
	// Actor is who did it; zero: somebody who was not signed in. Most people act on their own account.
	Actor ids.User
	// Address is the client's IP address; empty: it was not a client.
	Address string
	// Detail is what else there is to know, for people to read; never a secret.
	Detail string
}
