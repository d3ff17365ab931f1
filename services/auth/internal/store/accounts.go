package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Accounts is how accounts come into being, change, and end. Functions that are passed in run inside a transaction and may
// run twice: they only change what they are given. An error of theirs changes nothing and is returned as it is.
type Accounts interface {
	// SignUp adds a user who registers, and returns the role they got: Owner when nobody else has it, else u.Role. When
	// inviteOnly is set, everybody but the owner uses up one use of the invitation with this hash; ErrNotInvited when no
	// such invitation is good at u.CreatedAt. Errors as CreateUser.
	SignUp(ctx context.Context, u user.User, inviteOnly bool, invitation []byte) (user.Role, error)

	// UpdateUser changes a user and returns what became of them. NotFound; ErrEmailTaken or ErrUsernameTaken.
	UpdateUser(ctx context.Context, id ids.User, change func(*user.User) error) (user.User, error)

	// HandOver makes another active user the owner, and the owner an admin. Conflict when from is not the owner or to
	// cannot be.
	HandOver(ctx context.Context, from, to ids.User) error

	// EraseUser makes a user a deleted one and ends every way into the account. NotFound.
	EraseUser(ctx context.Context, id ids.User, now time.Time) (Ended, error)

	// Users returns users with a greater id, in the order of ids.
	Users(ctx context.Context, after ids.User, limit int) ([]user.User, error)

	// PutMailToken stores a token instead of the user's last one of its purpose; ResourceExhausted when that is younger
	// than pause at t.CreatedAt; ErrSessionEnded unless the user's session by is live (zero: it is not asked for).
	PutMailToken(ctx context.Context, t MailToken, by ids.Session, pause time.Duration) error

	// MailToken returns the token with a hash and a purpose. NotFound, also when it has expired.
	MailToken(ctx context.Context, hash []byte, purpose MailPurpose, now time.Time) (MailToken, error)

	// UseMailToken is MailToken that removes the token and, in the same transaction, changes its user as UpdateUser does:
	// it works once. Errors of both.
	UseMailToken(ctx context.Context, hash []byte, purpose MailPurpose, now time.Time, change func(MailToken, *user.User) error) (user.User, error)

	// ResetPassword is UseMailToken that gives the account to whoever has reached its mailbox: the password is set, the
	// address is verified, the sessions end and so does every mail token. If the address was not verified, all other ways in
	// end, too, as in ClaimUser. NotFound when the token is not good, the address is another by now, or the account is closed.
	ResetPassword(ctx context.Context, hash []byte, passwordHash string, now time.Time) (user.User, Ended, error)

	// DropMailTokens removes the user's tokens.
	DropMailTokens(ctx context.Context, id ids.User) error

	AddInvitation(ctx context.Context, i Invitation) error

	// Invitations returns invitations with a lesser id (zero: all), newest first; expired ones are among them.
	Invitations(ctx context.Context, before ids.Invitation, limit int) ([]Invitation, error)

	// DeleteInvitation removes an invitation. NotFound.
	DeleteInvitation(ctx context.Context, id ids.Invitation) error

	// DeleteExpired removes the mail tokens, invitations and API tokens that have expired.
	DeleteExpired(ctx context.Context, now time.Time) (int64, error)
}

// SecondFactors keeps the secrets of TOTP (RFC 6238), encrypted, and the hashes of recovery codes.
type SecondFactors interface {
	// SecondFactor returns the user's. NotFound.
	SecondFactor(ctx context.Context, id ids.User) (SecondFactor, error)

	// OfferSecondFactor stores an unconfirmed one, instead of an earlier one. AlreadyExists when that is confirmed;
	// ErrSessionEnded unless the user's session by is live (zero: it is not asked for).
	OfferSecondFactor(ctx context.Context, id ids.User, by ids.Session, sealed []byte) error

	// ConfirmSecondFactor confirms the one with this secret, which step was a code of, and sets the recovery codes. Conflict when
	// it is another one by now, or confirmed.
	ConfirmSecondFactor(ctx context.Context, id ids.User, sealed []byte, step int64, recovery [][]byte) error

	// UseStep notes that the code of a step was used. Conflict when that of this or a later one was.
	UseStep(ctx context.Context, id ids.User, step int64) error

	// UseRecoveryCode removes one. NotFound.
	UseRecoveryCode(ctx context.Context, id ids.User, hash []byte) error

	// SetRecoveryCodes replaces them.
	SetRecoveryCodes(ctx context.Context, id ids.User, recovery [][]byte) error

	// DropSecondFactor removes the secret and the recovery codes, if there are any.
	DropSecondFactor(ctx context.Context, id ids.User) error
}

// MailPurpose is what the link in a mail does.
type MailPurpose string

// The purposes.
const (
	VerifyEmail   MailPurpose = "verify"
	ResetPassword MailPurpose = "reset"
	ChangeEmail   MailPurpose = "change"
)

// MailToken is what the link in a mail proves: that its mailbox was reached.
type MailToken struct {
	User    ids.User
	Purpose MailPurpose
	// Hash is the SHA-256 of what the link carries.
	Hash []byte
	// Email is where it was sent.
	Email                user.Name
	CreatedAt, ExpiresAt time.Time
}

// Invitation lets people register at a server that others may not.
type Invitation struct {
	ID ids.Invitation
	// Hash is the SHA-256 of its code.
	Hash      []byte
	CreatedBy ids.User
	// Note is for the admins who read the list.
	Note                 string
	Uses, MaxUses        int
	CreatedAt, ExpiresAt time.Time
}

// SecondFactor is a user's TOTP.
type SecondFactor struct {
	// Sealed is the encrypted secret.
	Sealed      []byte
	IsConfirmed bool
	// LastStep is the time step (30 s since 1970) of the last code that was used.
	LastStep int64
}

// ErrNotInvited is what SignUp answers without a good invitation.
var ErrNotInvited = &fault.Fault{
	Code: fault.PermissionDenied, Field: "invitation", Message: "this server takes new users by invitation only, and this one is not valid (any more)",
}

// ErrMailedBefore is what PutMailToken answers when the last mail was a moment ago.
var ErrMailedBefore = &fault.Fault{
	Code: fault.ResourceExhausted, Message: "a mail was sent a moment ago; look into your mailbox, or try again in a minute", RetryAfter: time.Minute,
}

// ErrHasSecondFactor is what OfferSecondFactor answers when there is one already.
var ErrHasSecondFactor = &fault.Fault{Code: fault.AlreadyExists, Message: "this account has a second factor already"}
