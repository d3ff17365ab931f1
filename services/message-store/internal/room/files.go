package room

import (
	"strings"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// FilesPath is where the files are that were uploaded to this server: the id of one comes after it.
const FilesPath = "/files/"

// upload sets the uploaded file that a message names, if it names one.
func (c *Command) upload() error {
	e := c.Event
	text, ok := strings.CutPrefix(e.FileURL, FilesPath)
	if !ok {
		return nil
	}
	var err error
	if c.File, err = ids.ParseFile(text); err != nil {
		return fault.Invalid("fileUrl", "must have the id of a file after %s", FilesPath)
	}
	if e.Type == "text" {
		return fault.Invalid("type", "must be image or file, for an uploaded file")
	}
	return nil
}

// takeFile gives a message what is known of the file that it names. The fault says why it may not have it.
func (c *Command) takeFile() *fault.Fault {
	if c.File.IsZero() {
		return nil
	}
	e, f := c.Event, c.Found
	switch {
	case f == nil || f.User != e.Actor.User || f.Room != e.Room || f.State == store.FileDiscarded:
		return &fault.Fault{Code: fault.NotFound, Message: "you uploaded no such file to this room", Field: "fileUrl"}
	case f.State == store.FileBegun:
		return &fault.Fault{Code: fault.NotFound, Message: "the upload of this file is not finished", Field: "fileUrl"}
	case f.State == store.FileAttached || f.State == store.FileClaimed && f.Nonce != e.Nonce:
		return &fault.Fault{Code: fault.Conflict, Message: "this file is in another message", Field: "fileUrl"}
	case e.Type == "image" && !strings.HasPrefix(f.Type, "image/"):
		return fault.Invalid("type", "is image, but the file is not one")
	}
	e.File = &f.FileInfo
	return nil
}

// MayPost reports why a user may write nothing at a time, in milliseconds, whatever it is; nil: they may.
func (s *State) MayPost(user ids.User, now int64) *fault.Fault {
	return s.authorise(&store.Event{Actor: store.Actor{User: user}}, s.at(now))
}
