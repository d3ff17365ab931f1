package room

import (
	"time"

	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/role"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
)

// Kick is a member removing another, saying why. Removing someone who is gone already is not an error.
func Kick(actor, user *chatv1.UserRef, note string) Decide {
	return func(v View) (*Change, error) {
		if err := v.removable(actor, user); err != nil || v.Target == role.None {
			return nil, err
		}
		return v.enqueue(v.left(actor, user, reasonKicked, note))
	}
}

// PutBan is a member banning a user, be they a member or not; for good when it lasts 0. A ban that is there already gets
// another reason and end, silently.
func PutBan(actor, user *chatv1.UserRef, reason string, lasts time.Duration) Decide {
	return func(v View) (*Change, error) {
		if err := v.removable(actor, user); err != nil {
			return nil, err
		}
		ban := &Ban{Reason: reason}
		if lasts > 0 {
			ban.ExpiresAt = v.At.Add(lasts)
		}
		if v.TargetBanned {
			return &Change{Ban: ban}, nil
		}
		c := v.left(actor, user, reasonBanned, reason)
		c.Ban = ban
		return v.enqueue(c)
	}
}

// LiftBan is a member letting a user come back.
func LiftBan(v View) (*Change, error) {
	switch {
	case v.hidden():
		return nil, ErrNotFound
	case !v.may(role.Remove):
		return nil, errCannotRemove
	case !v.TargetBanned:
		return nil, nil
	}
	return &Change{LiftBan: true}, nil
}

// MemberUpdate is what somebody wants a member to be; nil: as they are.
type MemberUpdate struct {
	Role *role.Role
	// Mute is how long the member may not write, from now on; 0: not any longer.
	Mute *time.Duration
}

// SetMember is a member giving another role to someone, or muting them.
func SetMember(actor, user *chatv1.UserRef, u MemberUpdate) Decide {
	return func(v View) (*Change, error) {
		self := actor.GetId() == user.GetId()
		is := Standing{Role: v.Target, MutedUntil: v.mute()}
		was := is
		switch {
		case v.hidden():
			return nil, ErrNotFound
		case v.Target == role.None:
			return nil, fault.New(fault.NotFound, "this user is not a member of the room")
		}
		if u.Role != nil && *u.Role != v.Target {
			if err := v.appointable(*u.Role, self); err != nil {
				return nil, err
			}
			is.Role = *u.Role
		}
		if u.Mute != nil {
			if !v.may(role.Remove) || !v.Actor.Above(v.Target) {
				return nil, fault.New(fault.PermissionDenied, "only owners, admins and moderators may mute members, and only those below them")
			}
			is.MutedUntil = time.Time{}
			if *u.Mute > 0 {
				is.MutedUntil = v.At.Add(*u.Mute)
			}
		}
		if is == was {
			return nil, nil
		}
		return v.enqueue(changes(actor, user, is))
	}
}

// appointable: the actor may give the target this role. Everybody may lower themselves, but a room keeps its owner.
func (v View) appointable(to role.Role, self bool) error {
	switch {
	case to == role.Owner:
		return fault.Invalid("role", "a room has one owner, who can give it to another member")
	case v.Target == role.Owner:
		return fault.New(fault.PermissionDenied, "the owner of a room stays its owner until they give it to another member")
	case self && v.Actor.Above(to) && v.Room.Kind != role.Direct: // there nobody could take it back
		return nil
	case !v.may(role.Appoint) || !v.Actor.Above(v.Target) || !v.Actor.Above(to):
		return fault.New(fault.PermissionDenied, "only owners and admins may change roles: those of members below them, to roles below their own")
	}
	return nil
}

// Crown and Abdicate are an owner giving the room to another member: two changes, of that member and of the owner, that are
// made together. Who owns the room already is not crowned again, and who is not the owner does not abdicate.
func Crown(actor, user *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		switch {
		case v.hidden():
			return nil, ErrNotFound
		case actor.GetId() == user.GetId():
			return nil, fault.Invalid("userId", "give the room to another member")
		case v.Target == role.Owner && v.Actor != role.None:
			return nil, nil
		case !v.may(role.Own):
			return nil, fault.New(fault.PermissionDenied, "only its owner may give a room away")
		case v.Target == role.None:
			return nil, fault.New(fault.NotFound, "this user is not a member of the room")
		}
		return v.enqueue(changes(actor, user, Standing{Role: role.Owner})) // nobody could lift an owner's mute
	}
}

// Abdicate follows Crown.
func Abdicate(actor *chatv1.UserRef) Decide {
	return func(v View) (*Change, error) {
		if v.Target != role.Owner {
			return nil, nil
		}
		return changes(actor, actor, Standing{Role: role.Admin, MutedUntil: v.mute()}), nil
	}
}

var errCannotRemove = fault.New(fault.PermissionDenied, "only owners, admins and moderators may remove members, and only those below them")

// removable: the actor may keep the target out.
func (v View) removable(actor, user *chatv1.UserRef) error {
	switch {
	case v.hidden():
		return ErrNotFound
	case actor.GetId() == user.GetId():
		return fault.New(fault.PermissionDenied, "you cannot remove yourself: leave the room")
	case !v.may(role.Remove) || !v.Actor.Above(v.Target):
		return errCannotRemove
	}
	return nil
}
