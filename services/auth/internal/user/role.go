package user

import (
	"database/sql/driver"
	"fmt"
	"slices"
)

// Role is what a user may do on this server. A higher one may do all that a lower one may.
type Role int //nolint:recvcheck // Scan sets it

// The roles. A server has at most one owner: the first who registers, or to whom that one hands it on.
const (
	Member Role = iota
	Admin
	Owner
)

var roles = []string{Member: "member", Admin: "admin", Owner: "owner"}

// ParseRole is the inverse of String.
func ParseRole(s string) (Role, error) {
	i, err := parse("role", roles, s)
	return Role(i), err
}

func (r Role) String() string { return roles[r] }

// Value is how a role is stored.
func (r Role) Value() (driver.Value, error) { return r.String(), nil }

// Scan reads a stored role.
func (r *Role) Scan(src any) (err error) {
	text, _ := src.(string)
	*r, err = ParseRole(text)
	return err
}

// State says whether an account may be used.
type State int //nolint:recvcheck // Scan sets it

// The states.
const (
	Active State = iota
	Deactivated
	// Deleted accounts are kept, empty, for their messages' sake.
	Deleted
)

var states = []string{Active: "active", Deactivated: "deactivated", Deleted: "deleted"}

func (s State) String() string { return states[s] }

// Value is how a state is stored.
func (s State) Value() (driver.Value, error) { return s.String(), nil }

// Scan reads a stored state.
func (s *State) Scan(src any) error {
	text, _ := src.(string)
	i, err := parse("state", states, text)
	*s = State(i)
	return err
}

func parse(what string, names []string, s string) (int, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("%q is not a %s", s, what)
	}
	return i, nil
}
