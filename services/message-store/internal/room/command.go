// Package room decides what may happen in a room: it checks commands, holds the state that a room's log folds to, and
// turns what is allowed into the next events. It does no input or output and no locking: a lane of the pipeline owns
// each State.
package room

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"strings"
	"unicode"

	"github.com/natter-chat/natter/pkg/bus"
	"github.com/natter-chat/natter/pkg/fault"
	"github.com/natter-chat/natter/pkg/ids"
	busv1 "github.com/natter-chat/natter/proto/gen/natter/bus/v1"
	chatv1 "github.com/natter-chat/natter/proto/gen/natter/chat/v1"
	"github.com/natter-chat/natter/services/message-store/internal/mention"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// Limits of what a command may hold, in bytes.
const (
	maxNonce = 64
	maxEmoji = 32
	maxURL   = 2 << 10
	// maxName bounds names, avatars, descriptions and roles: they come from other services, which have their own limits.
	maxName = 4 << 10
)

// Command is a checked command: an event that has no place in the log yet.
type Command struct {
	// Event lacks Seq, Ordinal, CreatedAt, and (unless Change) Version.
	Event *store.Event
	// Change: it is a change of the room or its members, made by the rooms service; Event.Version is its version.
	Change bool
	// Places of its content may name somebody. Users says by key who has the names in them.
	Places []mention.Place
	Users  map[string]ids.User
	// File is the uploaded file that a message names; zero: none. Found is what the store has of it, for Decide; nil: nothing.
	File  ids.File
	Found *store.File
}

// Key is what is unique about the command.
func (c *Command) Key() store.NonceKey {
	return store.NonceKey{Room: c.Event.Room, User: c.Event.Actor.User, Nonce: c.Event.Nonce}
}

// Parser checks commands. It is immutable.
type Parser struct {
	hashKey    []byte
	maxContent int
}

// NewParser returns a parser that hashes contents with this key and takes up to maxContent bytes of content.
func NewParser(hashKey []byte, maxContent int) *Parser {
	return &Parser{hashKey: hashKey, maxContent: maxContent}
}

// Parse checks everything about a command that needs no state. Errors are InvalidArgument with the JSON name of the
// field in the client's frame.
func (p *Parser) Parse(in ids.Room, c *busv1.Command) (*Command, error) {
	if c.GetRoomId() != in.String() {
		return nil, fault.Invalid("roomId", "is not the room that was asked")
	}
	user, err := ids.ParseUser(c.GetActor().GetUserId())
	if err != nil {
		return nil, fault.Invalid("actor.userId", "%v", err)
	}
	e := &store.Event{
		Room: in, Nonce: c.GetNonce(),
		Actor: store.Actor{User: user, Username: c.GetActor().GetUsername(), Avatar: c.GetActor().GetAvatar()},
	}
	if n := len(e.Nonce); n == 0 || n > maxNonce {
		return nil, fault.Invalid("nonce", "must have 1 to %d bytes", maxNonce)
	}
	if len(e.Actor.Username) > maxName || len(e.Actor.Avatar) > maxName {
		return nil, fault.Invalid("actor", "is too long")
	}
	out := &Command{Event: e}
	if err := p.body(out, c); err != nil {
		return nil, err
	}
	if reserved := strings.HasPrefix(e.Nonce, bus.ReservedNoncePrefix); reserved != out.Change || out.Change && e.Nonce != bus.VersionNonce(e.Version) {
		return nil, fault.Invalid("nonce", "begins with %q, which is reserved", bus.ReservedNoncePrefix)
	}
	e.Hash = p.hash(e)
	out.Places = mention.Find(e.Content)
	return out, nil
}

func (p *Parser) body(out *Command, c *busv1.Command) error {
	e := out.Event
	switch body := c.GetBody().(type) {
	case *busv1.Command_Message:
		if err := p.message(e, body.Message); err != nil {
			return err
		}
		return out.upload()
	case *busv1.Command_Edited:
		e.Kind, e.Target, e.Content = store.KindEdited, body.Edited.GetSeq(), body.Edited.GetContent()
		if len(e.Content) > p.maxContent {
			return fault.Invalid("content", "is longer than %d bytes", p.maxContent)
		}
	case *busv1.Command_Deleted:
		e.Kind, e.Target = store.KindDeleted, body.Deleted.GetSeq()
	case *busv1.Command_Reaction:
		e.Kind, e.Target, e.Emoji, e.Removed = store.KindReaction, body.Reaction.GetSeq(), body.Reaction.GetEmoji(), body.Reaction.GetRemoved()
		if n := len(e.Emoji); n == 0 || n > maxEmoji {
			return fault.Invalid("emoji", "must have 1 to %d bytes", maxEmoji)
		}
		if strings.ContainsFunc(e.Emoji, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
			return fault.Invalid("emoji", "holds a control character or a space")
		}
	case *busv1.Command_Pinned:
		e.Kind, e.Target, e.Removed = store.KindPinned, body.Pinned.GetSeq(), body.Pinned.GetRemoved()
	case *busv1.Command_MemberJoined:
		e.Kind, e.Version, out.Change = store.KindMemberJoined, body.MemberJoined.GetVersion(), true
		err := member(e, body.MemberJoined.GetUser(), store.Member{Role: body.MemberJoined.GetRole(), IsChange: body.MemberJoined.GetIsChange()})
		if until := body.MemberJoined.GetMutedUntil(); err == nil && until != nil {
			e.Member.MutedUntil = until.AsTime().UnixMilli()
		}
		return err
	case *busv1.Command_MemberLeft:
		e.Kind, e.Version, out.Change = store.KindMemberLeft, body.MemberLeft.GetVersion(), true
		return member(e, body.MemberLeft.GetUser(), store.Member{Reason: body.MemberLeft.GetReason(), Note: body.MemberLeft.GetNote()})
	case *busv1.Command_RoomUpdated:
		r := body.RoomUpdated
		e.Kind, e.Version, out.Change = store.KindRoomUpdated, r.GetVersion(), true
		e.Info = &store.RoomInfo{
			Name: r.GetName(), Description: r.GetDescription(), Topic: r.GetTopic(), Avatar: r.GetAvatar(), IsPrivate: r.GetIsPrivate(),
			IsArchived: r.GetIsArchived(), IsAnnouncement: r.GetIsAnnouncement(), SlowModeSeconds: r.GetSlowModeSeconds(), IsDeleted: r.GetIsDeleted(),
		}
		if max(len(r.GetName()), len(r.GetDescription()), len(r.GetTopic()), len(r.GetAvatar())) > maxName {
			return fault.Invalid("name", "is too long")
		}
	default:
		return fault.Invalid("body", "is missing or unknown")
	}
	return nil
}

func (p *Parser) message(e *store.Event, m *chatv1.MessagePosted) error {
	e.Kind, e.Content, e.Type, e.FileURL = store.KindMessage, m.GetContent(), m.GetType(), m.GetFileUrl()
	e.ReplyTo, e.Thread = m.GetReplyTo(), m.GetThread()
	if e.Type == "" {
		e.Type = "text"
	}
	switch {
	case e.Type != "text" && e.Type != "image" && e.Type != "file":
		return fault.Invalid("type", "must be text, image or file")
	case len(e.Content) > p.maxContent:
		return fault.Invalid("content", "is longer than %d bytes", p.maxContent)
	case e.Type == "text" && strings.TrimSpace(e.Content) == "":
		return fault.Invalid("content", "is empty")
	case e.Type != "text" && e.FileURL == "":
		return fault.Invalid("fileUrl", "is missing")
	case e.FileURL != "" && !linkable(e.FileURL):
		return fault.Invalid("fileUrl", "must be an http or https URL, or a path of this server, of up to %d bytes", maxURL)
	}
	return nil
}

// linkable keeps javascript: and its like out of the pages that show a message.
func linkable(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > maxURL {
		return false
	}
	if u.Scheme == "" {
		return u.Host == "" && strings.HasPrefix(s, "/")
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// member makes an event one about u, who is what m says.
func member(e *store.Event, u *chatv1.UserRef, m store.Member) (err error) {
	if m.User, err = ids.ParseUser(u.GetId()); err != nil {
		return fault.Invalid("user.id", "%v", err)
	}
	m.Username, m.Avatar, m.IsBot = u.GetUsername(), u.GetAvatar(), u.GetIsBot()
	if max(len(m.Username), len(m.Avatar), len(m.Role), len(m.Reason), len(m.Note)) > maxName {
		return fault.Invalid("user", "is too long")
	}
	e.Member = &m
	return nil
}

// hash tells whether two commands with one nonce ask for the same. Every part is preceded by its length, so that no two
// contents run together to the same bytes. Of a change the version says it all. Mentions are not part of it: the server
// makes them, from what it knows at the time.
func (p *Parser) hash(e *store.Event) (sum [store.HashSize]byte) {
	h := hmac.New(sha256.New, p.hashKey)
	b := make([]byte, 0, 64)
	b = append(b, byte(e.Kind))
	if e.Version > 0 {
		b = binary.BigEndian.AppendUint32(b, e.Version)
	}
	for _, n := range [...]uint32{e.FoldsInto(), e.ReplyTo} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	if e.Removed {
		b = append(b, 1)
	}
	for _, part := range [...]string{e.Content, e.Type, e.FileURL, e.Emoji} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	_, _ = h.Write(b) // never fails
	copy(sum[:], h.Sum(nil))
	return sum
}
