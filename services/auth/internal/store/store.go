// Package store says what auth keeps: users and the keys that sign tokens. The engines are postgres and sqlite;
// storetest is what both must pass.
package store

import (
	"context"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/auth/internal/user"
)

// Store keeps users and keys. All methods may be called concurrently, also by other processes on the same database.
// Errors are faults: those named below, and Unavailable when trying again may help.
type Store interface {
	Accounts
	SecondFactors
	Reseal
	Audit
	Identities
	Keys
	Sessions
	Standings
	Throttle
	Tokens

	// CreateUser adds a user. ErrEmailTaken or ErrUsernameTaken when its key is another user's.
	CreateUser(ctx context.Context, u user.User) error

	// AddUsers adds many users in one transaction, all or none. AlreadyExists when a key is another user's.
	AddUsers(ctx context.Context, users []user.User) error

	// UserByID returns a user, or NotFound.
	UserByID(ctx context.Context, id ids.User) (user.User, error)

	// UserByEmail returns the user with the key of an e-mail address, or NotFound.
	UserByEmail(ctx context.Context, key string) (user.User, error)

	// UsersByID returns those of the users that exist, in no order.
	UsersByID(ctx context.Context, list []ids.User) ([]user.User, error)

	// UsersByName returns those of the users with these keys of usernames that exist, in no order.
	UsersByName(ctx context.Context, keys []string) ([]user.User, error)

	// UsersByPrefix returns active users in the order of the keys of their usernames: those whose key begins with prefix and is
	// greater than after.
	UsersByPrefix(ctx context.Context, prefix, after string, limit int) ([]user.User, error)

	// Ping tries the database with a query of its tables.
	Ping(ctx context.Context) error

	// Close releases the connections. No other method may run then.
	Close() error
}

// What CreateUser answers when a name is another user's.
var (
	ErrEmailTaken    = &fault.Fault{Code: fault.AlreadyExists, Field: "email", Message: "this e-mail address is taken"}
	ErrUsernameTaken = &fault.Fault{Code: fault.AlreadyExists, Field: "username", Message: "this username is taken"}
)
