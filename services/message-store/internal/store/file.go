package store

import (
	"errors"

	"github.com/natter-chat/natter/pkg/ids"
)

// FileInfo is what a message says of the file in it.
type FileInfo struct {
	ID   ids.File `json:"id"`
	Name string   `json:"name"`
	// Size is in bytes.
	Size uint32 `json:"size"`
	// Type is a media type.
	Type string `json:"type"`
	// Width and Height are those of an image, in pixels; 0: unknown.
	Width  uint32 `json:"width,omitempty"`
	Height uint32 `json:"height,omitempty"`
	// HasThumbnail: there is a smaller picture of it.
	HasThumbnail bool `json:"hasThumbnail,omitempty"`
}

// FileState is how far a file has come. The numbers are stored: never reuse one.
type FileState uint8

// The states of files. Only what is not discarded counts in its owner's quota.
const (
	// FileBegun: its bytes are under way. Its size is what is reserved for it.
	FileBegun FileState = 1
	// FileReady: its bytes are there, and no message has it yet.
	FileReady FileState = 2
	// FileClaimed: a message with Nonce is to have it, or has it. Which of the two, the log says a day later.
	FileClaimed FileState = 3
	// FileAttached: the log has that message; or it belongs to no room, and is nobody's to take away.
	FileAttached FileState = 4
	// FileDiscarded: its bytes are garbage.
	FileDiscarded FileState = 5
)

// File is a file that a user uploaded.
type File struct {
	FileInfo
	User ids.User
	// Room is where it may be sent; zero: it is a public picture of a user or a room.
	Room  ids.Room
	State FileState
	// Nonce is that of the message that claimed it.
	Nonce string
	// ChangedAt is when it came to its state, in milliseconds since 1970.
	ChangedAt int64
}

// Message is the nonce of the message that claimed the file.
func (f *File) Message() NonceKey { return NonceKey{Room: f.Room, User: f.User, Nonce: f.Nonce} }

// Claim takes a file for a message of its uploader.
type Claim struct {
	File ids.File
	By   NonceKey
}

// ErrQuota is the outcome of creating a file for which its owner's quota has no room.
var ErrQuota = errors.New("more than the quota")
