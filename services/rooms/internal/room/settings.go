package room

import (
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Update is what somebody wants a room to be; nil: as it is. Texts are as Limits return them.
type Update struct {
	Name, Description, Topic, Avatar      *string
	IsPrivate, IsArchived, IsAnnouncement *bool
	SlowMode                              *uint32
}

// Configure is a member changing what a room is. It may be archived: then the first thing is to take it back.
func Configure(actor *chatv1.UserRef, u Update) Decide {
	return func(v View) (*Change, error) {
		is := u.On(v.Room.Settings)
		switch {
		case v.hidden():
			return nil, ErrNotFound
		case u.describes() && !v.may(role.Describe):
			return nil, fault.New(fault.PermissionDenied, "your role does not let you change the name, description, topic and avatar here")
		case u.governs() && !v.may(role.Govern):
			return nil, fault.New(fault.PermissionDenied, "your role does not let you archive this room, or change who sees it and who may post when")
		case is == v.Room.Settings:
			return nil, nil
		case v.Room.IsArchived && is.IsArchived:
			return nil, fault.New(fault.PermissionDenied, "this room is archived: take it out of the archive before you change it")
		case v.Room.Kind != role.Room && !is.IsPrivate:
			return nil, fault.Invalid("isPrivate", "a conversation of a few people is always private")
		}
		return v.enqueue(becomes(actor, is))
	}
}

// On returns settings with what is asked for.
func (u Update) On(s Settings) Settings {
	set(&s.Name, u.Name)
	set(&s.Description, u.Description)
	set(&s.Topic, u.Topic)
	set(&s.Avatar, u.Avatar)
	set(&s.IsPrivate, u.IsPrivate)
	set(&s.IsArchived, u.IsArchived)
	set(&s.IsAnnouncement, u.IsAnnouncement)
	set(&s.SlowMode, u.SlowMode)
	return s
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (u Update) describes() bool {
	return u.Name != nil || u.Description != nil || u.Topic != nil || u.Avatar != nil
}

func (u Update) governs() bool {
	return u.IsPrivate != nil || u.IsArchived != nil || u.IsAnnouncement != nil || u.SlowMode != nil
}

// Delete is the owner ending the room.
func Delete(actor *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		switch {
		case v.hidden():
			return nil, ErrNotFound
		case !v.may(role.Own):
			return nil, fault.New(fault.PermissionDenied, "only its owner may delete a room")
		}
		return v.enqueue(deleted(actor))
	}
}
