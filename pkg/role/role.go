// Package role says who may do what in a room. It is the one table of it: rooms decides by it who may change a room and
// its members, message-store who may write, and clients are shown the same (proto/README.md, "Who may do what").
package role

// Role is what a user is in a room; None is no member. The texts are API, and stored.
type Role string

// The roles, from the most to the least powerful.
const (
	Owner     Role = "owner"
	Admin     Role = "admin"
	Moderator Role = "moderator"
	Member    Role = "member"
	ReadOnly  Role = "read_only"
	None      Role = ""
)

// All are the roles a member can have, from the most to the least powerful.
func All() []Role { return []Role{Owner, Admin, Moderator, Member, ReadOnly} }

// rank orders the roles. A role of a newer version may do the least.
func (r Role) rank() int {
	switch r {
	case Owner:
		return 5
	case Admin:
		return 4
	case Moderator:
		return 3
	case Member:
		return 2
	case None:
		return 0
	}
	return 1
}

// Known reports whether r is a role that a member can have.
func (r Role) Known() bool { return r == ReadOnly || r.rank() > 1 }

// Above reports whether r has power over other: whoever changes, mutes, kicks or bans a member is above them.
func (r Role) Above(other Role) bool { return r.rank() > other.rank() }

// Kind is the kind of a room. The texts are API, and stored.
type Kind string

// The kinds.
const (
	Room   Kind = "room"
	Direct Kind = "direct" // the one conversation of two people; its members never change
	Group  Kind = "group"  // a few people who are alike
)

// Action is something that needs a role.
type Action uint8

// The actions.
const (
	Read         Action = iota // see the room and its history
	Post                       // write messages, edit and delete one's own
	Announce                   // write messages in an announcement room, other than in threads; at any time in a slow one
	React                      // put an emoji under a message
	MentionRoom                // @room and @here
	Pin                        // pin and unpin messages
	DeleteOthers               // delete messages of others
	Invite                     // add people, invite them, make links
	Describe                   // change name, description, topic and avatar
	Remove                     // mute, kick and ban those below, lift bans
	Appoint                    // give roles below one's own to those below
	Govern                     // change who can see it, announcement, slow mode; archive
	Own                        // give the room to another member; delete it
	actions
)

// least is the least role that may do something in a kind of room; None there: nobody may.
func least(in Kind, a Action) Role {
	direct, group, room := None, None, None
	switch a {
	case Read:
		direct, group, room = ReadOnly, ReadOnly, ReadOnly
	case Post, React:
		direct, group, room = Member, Member, Member
	case Announce, MentionRoom, Pin:
		direct, group, room = Member, Member, Moderator
	case DeleteOthers, Remove:
		direct, group, room = None, Owner, Moderator
	case Invite, Describe:
		direct, group, room = None, Member, Admin
	case Appoint, Govern:
		direct, group, room = None, Owner, Admin
	case Own:
		direct, group, room = None, Owner, Owner
	}
	switch in {
	case Direct:
		return direct
	case Group:
		return group
	}
	return room
}

// May reports whether a member with this role may do something in a room of this kind.
func (r Role) May(a Action, in Kind) bool {
	need := least(in, a)
	return need != None && !need.Above(r)
}
