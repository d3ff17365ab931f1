// Package ids is the identifiers of Natter: UUIDs in their canonical text form, each with a type of its own, so that
// a user can never be passed for a room and nothing unparsed reaches a subject or a query.
package ids

import (
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// ID is a UUID (RFC 9562) of one kind of thing. The zero value is no id. IDs are comparable.
type ID[kind any] [16]byte

type (
	roomKind           struct{}
	userKind           struct{}
	instanceKind       struct{}
	sessionKind        struct{}
	identityKind       struct{}
	invitationKind     struct{}
	savedKind          struct{}
	roomInvitationKind struct{}
	roomLinkKind       struct{}
	fileKind           struct{}
)

type (
	// Room is the id of a room.
	Room = ID[roomKind]
	// User is the id of a user.
	User = ID[userKind]
	// Instance is the id of one running process of a service.
	Instance = ID[instanceKind]
	// Session is the id of one sign-in of a user.
	Session = ID[sessionKind]
	// Identity is the id of an account at an OpenID provider that is linked to a user.
	Identity = ID[identityKind]
	// Invitation is the id of an invitation to this server.
	Invitation = ID[invitationKind]
	// Saved is the id of a message that a user saved for themself.
	Saved = ID[savedKind]
	// RoomInvitation is the id of an invitation of a user to a room.
	RoomInvitation = ID[roomInvitationKind]
	// RoomLink is the id of an invite link to a room.
	RoomLink = ID[roomLinkKind]
	// File is the id of an uploaded file.
	File = ID[fileKind]
)

// ErrMalformed is returned by Parse for everything but 36 characters of lower-case canonical UUID.
var ErrMalformed = errors.New("not a lower-case UUID")

// New returns a fresh UUIDv7: ids made later sort later (to the millisecond).
func New[T ID[kind], kind any]() T { return T(uuid.Must(uuid.NewV7())) }

// ParseRoom parses a room id.
func ParseRoom(s string) (Room, error) { return parse[roomKind](s) }

// ParseUser parses a user id.
func ParseUser(s string) (User, error) { return parse[userKind](s) }

// ParseSession parses a session id.
func ParseSession(s string) (Session, error) { return parse[sessionKind](s) }

// ParseInvitation parses the id of an invitation.
func ParseInvitation(s string) (Invitation, error) { return parse[invitationKind](s) }

// ParseRoomInvitation parses the id of an invitation to a room.
func ParseRoomInvitation(s string) (RoomInvitation, error) { return parse[roomInvitationKind](s) }

// ParseRoomLink parses the id of an invite link to a room.
func ParseRoomLink(s string) (RoomLink, error) { return parse[roomLinkKind](s) }

// ParseIdentity parses the id of an identity.
func ParseIdentity(s string) (Identity, error) { return parse[identityKind](s) }

// ParseFile parses the id of an uploaded file.
func ParseFile(s string) (File, error) { return parse[fileKind](s) }

// ParseSaved parses the id of a saved message.
func ParseSaved(s string) (Saved, error) { return parse[savedKind](s) }

// textLen is the length of a canonical UUID.
const textLen = 36

// parse accepts the canonical lower-case form only: one id has one text, so equal texts mean equal ids and no
// separator or wildcard of NATS can hide in one.
func parse[kind any, T string | []byte](s T) (id ID[kind], err error) {
	if len(s) != textLen || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID[kind]{}, ErrMalformed
	}
	for i, at := range [16]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		hi, lo := nibble(s[at]), nibble(s[at+1])
		if hi > 15 || lo > 15 {
			return ID[kind]{}, ErrMalformed
		}
		id[i] = hi<<4 | lo
	}
	return id, nil
}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// IsZero reports whether there is no id.
func (id ID[kind]) IsZero() bool { return id == ID[kind]{} }

// Time is when New made the id, to the millisecond.
func (id ID[kind]) Time() time.Time {
	const millis = 16 // the last bits of the first eight bytes are not of the time
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> millis))
}

// String returns the canonical text.
func (id ID[kind]) String() string { return string(id.AppendTo(make([]byte, 0, textLen))) }

// AppendTo appends the canonical text to b.
func (id ID[kind]) AppendTo(b []byte) []byte {
	b = hex.AppendEncode(b, id[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, id[8:10])
	b = append(b, '-')
	return hex.AppendEncode(b, id[10:16])
}

// MarshalText makes ids readable in JSON and logs.
func (id ID[kind]) MarshalText() ([]byte, error) { return id.AppendTo(nil), nil }

// UnmarshalText parses the canonical text.
func (id *ID[kind]) UnmarshalText(b []byte) (err error) {
	*id, err = parse[kind](b)
	return err
}

// Value stores an id as its text, in every SQL database.
func (id ID[kind]) Value() (driver.Value, error) { return id.String(), nil }

// Scan reads what Value wrote.
func (id *ID[kind]) Scan(v any) (err error) {
	switch v := v.(type) {
	case string:
		*id, err = parse[kind](v)
	case []byte:
		*id, err = parse[kind](v)
	default:
		err = fmt.Errorf("ids: cannot scan %T", v)
	}
	return err
}
