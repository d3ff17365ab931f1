package store

import (
	"context"
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Tokens keeps API tokens, and the bots that many of them are for.
type Tokens interface {
	// AddToken adds a token; ResourceExhausted when its user has atMost already. NotFound when there is no such user;
	// ErrSessionEnded unless by, a session of the user or of the owner of the bot, is live (zero: it is not asked for).
	AddToken(ctx context.Context, t Token, by ids.Session, atMost int) error

	// TokenByHash returns the token with a hash, also when it has expired. NotFound.
	TokenByHash(ctx context.Context, hash []byte) (Token, error)

	// GoodTokens returns those of some tokens that may be used: they have not expired, and the user, and the owner of a bot,
	// are active.
	GoodTokens(ctx context.Context, list []ids.Session, now time.Time) ([]ids.Session, error)

	// TokenByID returns a token. NotFound.
	TokenByID(ctx context.Context, id ids.Session) (Token, error)

	// TokensOf returns the tokens of a user, newest first.
	TokensOf(ctx context.Context, id ids.User) ([]Token, error)

	// TouchToken notes that a token was used, unless that was noted since a time. There may be no such token any more.
	TouchToken(ctx context.Context, id ids.Session, used, since time.Time) error

	// DeleteToken removes a token. NotFound.
	DeleteToken(ctx context.Context, id ids.Session) error

	// AddBot adds a user who is a bot; ResourceExhausted when its owner has atMost already. Errors as CreateUser.
	AddBot(ctx context.Context, bot user.User, atMost int) error

	// BotsOf returns the bots of a user, in the order they were made.
	BotsOf(ctx context.Context, owner ids.User) ([]user.User, error)
}

// Token is an API token without its secret. Times are in UTC, to the millisecond.
type Token struct {
	// ID stands where an access token has its session.
	ID   ids.Session
	User ids.User
	// Hash is the SHA-256 of the token.
	Hash []byte
	Name string
	// Scopes are separated by spaces.
	Scopes    string
	CreatedAt time.Time
	// ExpiresAt zero: never. LastUsedAt zero: it was not used; else it may be a minute late.
	ExpiresAt, LastUsedAt time.Time
}

// ErrTooMany is what AddToken and AddBot answer.
func ErrTooMany(what string, atMost int) error {
	return fault.New(fault.ResourceExhausted, "you have %d %s already: remove one first", atMost, what)
}
