package mongo

import (
	"fmt"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// document is an event in the collection `events`. The fields of a message have the names that its HTTP form has.
type document struct {
	ID        string      `bson:"_id"`
	RoomID    string      `bson:"roomId"`
	Seq       int64       `bson:"seq"`
	Ordinal   int64       `bson:"ordinal"`
	Version   int64       `bson:"version"`
	Kind      string      `bson:"kind"`
	CreatedAt time.Time   `bson:"createdAt"`
	UserID    string      `bson:"userId"`
	Username  string      `bson:"username"`
	Avatar    string      `bson:"avatar"`
	Nonce     string      `bson:"nonce"`
	Hash      bson.Binary `bson:"hash"`

	// Unfolded stays until the message contains it that it FoldsInto.
	Unfolded bool `bson:"unfolded,omitempty"`

	// Mutations.
	Target  int64  `bson:"target,omitempty"`
	Emoji   string `bson:"emoji,omitempty"`
	Removed bool   `bson:"removed,omitempty"`

	// Messages; Content and Mentions also of edits. Content is the current one, Original what was first sent when that
	// differs; Mentions are those of what was first sent, the current ones are in Fold then.
	Content       string     `bson:"content,omitempty"`
	Original      *string    `bson:"original,omitempty"`
	Mentions      []mention  `bson:"mentions,omitempty"`
	Type          string     `bson:"type,omitempty"`
	FileURL       string     `bson:"fileUrl,omitempty"`
	File          *file      `bson:"file,omitempty"`
	ReplyTo       int64      `bson:"replyTo,omitempty"`
	Thread        int64      `bson:"thread,omitempty"`
	ThreadOrdinal int64      `bson:"threadOrdinal,omitempty"`
	IsEdited      bool       `bson:"isEdited,omitempty"`
	EditedAt      *time.Time `bson:"editedAt,omitempty"`
	UpdatedAt     *time.Time `bson:"updatedAt,omitempty"`
	// Called are the ids of those whom a message calls as it is now: see store.Called. The fold keeps it up to date.
	Called []string `bson:"called,omitempty"`
	// Fold is there from the beginning: its asOf guards every update of the message.
	Fold *fold `bson:"fold,omitempty"`

	Member *member `bson:"member,omitempty"`
	Room   *info   `bson:"room,omitempty"`
}

// fold is store.Fold without what the document says elsewhere.
type fold struct {
	AsOf       int64      `bson:"asOf"`
	Mentions   []mention  `bson:"mentions,omitempty"`
	EditedSeq  int64      `bson:"editedSeq,omitempty"`
	Edits      []int64    `bson:"edits,omitempty"`
	DeletedSeq int64      `bson:"deletedSeq,omitempty"`
	PinnedSeq  int64      `bson:"pinnedSeq,omitempty"`
	PinnedAt   int64      `bson:"pinnedAt,omitempty"`
	Pinned     bool       `bson:"pinned,omitempty"`
	Reactions  []reaction `bson:"reactions,omitempty"`
	Replies    *thread    `bson:"replies,omitempty"`
}

type mention struct {
	Kind   string `bson:"kind"`
	UserID string `bson:"userId,omitempty"`
	Offset int64  `bson:"offset"`
	Length int64  `bson:"length"`
}

type thread struct {
	Count      int64  `bson:"count"`
	LastSeq    int64  `bson:"lastSeq"`
	LastAt     int64  `bson:"lastAt"`
	LastUserID string `bson:"lastUserId"`
}

type reaction struct {
	Emoji string    `bson:"emoji"`
	Users []reactor `bson:"users"`
}

type reactor struct {
	UserID string `bson:"userId"`
	Seq    int64  `bson:"seq"`
	At     int64  `bson:"at"`
}

type member struct {
	UserID     string `bson:"userId"`
	Username   string `bson:"username,omitempty"`
	Avatar     string `bson:"avatar,omitempty"`
	Role       string `bson:"role,omitempty"`
	Reason     string `bson:"reason,omitempty"`
	Note       string `bson:"note,omitempty"`
	MutedUntil int64  `bson:"mutedUntil,omitempty"`
	IsChange   bool   `bson:"isChange,omitempty"`
	IsBot      bool   `bson:"isBot,omitempty"`
}

// info has the fields of store.RoomInfo, in their order.
type info struct {
	Name            string `bson:"name"`
	Description     string `bson:"description,omitempty"`
	Topic           string `bson:"topic,omitempty"`
	Avatar          string `bson:"avatar,omitempty"`
	IsPrivate       bool   `bson:"isPrivate,omitempty"`
	IsArchived      bool   `bson:"isArchived,omitempty"`
	IsAnnouncement  bool   `bson:"isAnnouncement,omitempty"`
	SlowModeSeconds uint32 `bson:"slowModeSeconds,omitempty"`
	IsDeleted       bool   `bson:"isDeleted,omitempty"`
}

// kindNames are the texts of kinds in documents, by kind.
func kindNames() []string {
	return []string{
		store.KindMessage: "message", store.KindEdited: "edited", store.KindDeleted: "deleted", store.KindReaction: "reaction",
		store.KindPinned: "pinned", store.KindMemberJoined: "memberJoined", store.KindMemberLeft: "memberLeft", store.KindRoomUpdated: "roomUpdated",
	}
}

// documentID sorts the events of a room by seq, and rooms one after another.
func documentID(room ids.Room, seq uint32) string { return fmt.Sprintf("%s:%010d", room, seq) }

// roomRange is the range of ids of the events of a room with from < seq < to.
func roomRange(room ids.Room, from, to int64) bson.D {
	// seq is dense from 1, so -1 and 2^32 are beyond both ends.
	clamp := func(seq int64) uint32 { return uint32(min(max(seq, 0), 1<<32-1)) }
	return bson.D{{Key: "$gt", Value: documentID(room, clamp(from))}, {Key: "$lt", Value: documentID(room, clamp(to))}}
}

func millis(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func toDocument(e *store.Event) *document {
	d := &document{
		ID: documentID(e.Room, e.Seq), RoomID: e.Room.String(), Seq: int64(e.Seq), Ordinal: int64(e.Ordinal), Version: int64(e.Version),
		Kind: kindNames()[e.Kind], CreatedAt: millis(e.CreatedAt),
		UserID: e.Actor.User.String(), Username: e.Actor.Username, Avatar: e.Actor.Avatar, Nonce: e.Nonce, Hash: bson.Binary{Data: e.Hash[:]},
		Unfolded: e.FoldsInto() != 0, Target: int64(e.Target), Emoji: e.Emoji, Removed: e.Removed,
		Content: e.Content, Mentions: toMentions(e.Mentions), Type: e.Type, FileURL: e.FileURL, ReplyTo: int64(e.ReplyTo),
		Thread: int64(e.Thread), ThreadOrdinal: int64(e.ThreadOrdinal),
	}
	switch {
	case e.Kind == store.KindMessage:
		d.File = toFile(e.File)
		d.Fold = &fold{}
		d.Called = toCalled(store.Called(e.Actor.User, e.Mentions))
		d.UpdatedAt = &d.CreatedAt
	case e.Member != nil:
		m := e.Member
		d.Member = &member{m.User.String(), m.Username, m.Avatar, m.Role, m.Reason, m.Note, m.MutedUntil, m.IsChange, m.IsBot}
	case e.Info != nil:
		d.Room = new(info(*e.Info))
	}
	return d
}

// message is the event of a document, with its fold if it is a message.
func (d *document) message() (*store.Message, error) {
	room, roomErr := ids.ParseRoom(d.RoomID)
	user, userErr := ids.ParseUser(d.UserID)
	if roomErr != nil || userErr != nil {
		return nil, fmt.Errorf("event %s: a malformed id", d.ID)
	}
	e := &store.Event{
		Room: room, Seq: uint32(d.Seq), Ordinal: uint32(d.Ordinal), Version: uint32(d.Version), CreatedAt: d.CreatedAt.UnixMilli(),
		Actor: store.Actor{User: user, Username: d.Username, Avatar: d.Avatar}, Nonce: d.Nonce,
		Target: uint32(d.Target), Emoji: d.Emoji, Removed: d.Removed,
		Content: d.Content, Type: d.Type, FileURL: d.FileURL, ReplyTo: uint32(d.ReplyTo),
		Thread: uint32(d.Thread), ThreadOrdinal: uint32(d.ThreadOrdinal),
	}
	var err error
	if e.Mentions, err = fromMentions(d.Mentions); err != nil {
		return nil, fmt.Errorf("event %s: mention: %w", d.ID, err)
	}
	if e.File, err = d.File.info(); err != nil {
		return nil, fmt.Errorf("event %s: file: %w", d.ID, err)
	}
	copy(e.Hash[:], d.Hash.Data)
	for kind, name := range kindNames() {
		if name == d.Kind && name != "" {
			e.Kind = store.Kind(kind)
		}
	}
	m := &store.Message{Event: e}
	switch e.Kind {
	case 0:
		return nil, fmt.Errorf("event %s: kind %s", d.ID, strconv.Quote(d.Kind))
	case store.KindMemberJoined, store.KindMemberLeft:
		if e.Member, err = d.Member.member(); err != nil {
			return nil, fmt.Errorf("event %s: member: %w", d.ID, err)
		}
	case store.KindRoomUpdated:
		e.Info = &store.RoomInfo{}
		if d.Room != nil { // else it is purged
			*e.Info = store.RoomInfo(*d.Room)
		}
	case store.KindMessage:
		return m, d.unfold(m)
	}
	return m, nil
}

// member is the member of an event; nobody if it is purged.
func (d *member) member() (*store.Member, error) {
	if d == nil {
		return &store.Member{}, nil
	}
	user, err := ids.ParseUser(d.UserID)
	return &store.Member{
		User: user, Username: d.Username, Avatar: d.Avatar, Role: d.Role, Reason: d.Reason, Note: d.Note, MutedUntil: d.MutedUntil,
		IsChange: d.IsChange, IsBot: d.IsBot,
	}, err
}

// unfold fills in what happened to a message.
func (d *document) unfold(m *store.Message) error {
	if d.Fold == nil { // it was not read
		return nil
	}
	m.Fold = store.Fold{
		AsOf: uint32(d.Fold.AsOf), EditedSeq: uint32(d.Fold.EditedSeq), DeletedSeq: uint32(d.Fold.DeletedSeq),
		PinnedSeq: uint32(d.Fold.PinnedSeq), PinnedAt: d.Fold.PinnedAt, Pinned: d.Fold.Pinned,
	}
	if m.AsOf > 0 && d.UpdatedAt != nil {
		m.UpdatedAt = d.UpdatedAt.UnixMilli()
	}
	if d.EditedAt != nil {
		m.EditedAt = d.EditedAt.UnixMilli()
	}
	if d.Original != nil {
		m.Fold.Content, m.Event.Content = d.Content, *d.Original
	}
	for _, seq := range d.Fold.Edits {
		m.Edits = append(m.Edits, uint32(seq))
	}
	var err error
	if m.Fold.Mentions, err = fromMentions(d.Fold.Mentions); err != nil {
		return fmt.Errorf("event %s: mention: %w", d.ID, err)
	}
	if t := d.Fold.Replies; t != nil {
		last, err := ids.ParseUser(t.LastUserID)
		if err != nil {
			return fmt.Errorf("event %s: thread: %w", d.ID, err)
		}
		m.Replies = store.Thread{Count: uint32(t.Count), LastSeq: uint32(t.LastSeq), LastAt: t.LastAt, LastUser: last}
	}
	for _, r := range d.Fold.Reactions {
		users := make([]store.Reactor, len(r.Users))
		for i, u := range r.Users {
			id, err := ids.ParseUser(u.UserID)
			if err != nil {
				return fmt.Errorf("event %s: reaction: %w", d.ID, err)
			}
			users[i] = store.Reactor{User: id, Seq: uint32(u.Seq), At: u.At}
		}
		m.Reactions = append(m.Reactions, store.Reaction{Emoji: r.Emoji, Users: users})
	}
	return nil
}

// foldUpdate is the update that writes a message's fold to its document.
func foldUpdate(m *store.Message) bson.D {
	f := fold{
		AsOf: int64(m.AsOf), EditedSeq: int64(m.EditedSeq), DeletedSeq: int64(m.DeletedSeq), PinnedSeq: int64(m.PinnedSeq), PinnedAt: m.PinnedAt, Pinned: m.Pinned,
		Mentions: toMentions(m.Fold.Mentions),
	}
	if t := m.Replies; t.Count > 0 {
		f.Replies = &thread{int64(t.Count), int64(t.LastSeq), t.LastAt, t.LastUser.String()}
	}
	for _, seq := range m.Edits {
		f.Edits = append(f.Edits, int64(seq))
	}
	for _, r := range m.Reactions {
		users := make([]reactor, len(r.Users))
		for i, u := range r.Users {
			users[i] = reactor{UserID: u.User.String(), Seq: int64(u.Seq), At: u.At}
		}
		f.Reactions = append(f.Reactions, reaction{Emoji: r.Emoji, Users: users})
	}
	set := bson.D{{Key: "fold", Value: f}, {Key: "content", Value: m.Text()}, {Key: "updatedAt", Value: millis(max(m.Event.CreatedAt, m.UpdatedAt))}}
	if m.EditedSeq != 0 {
		set = append(set, bson.E{Key: "isEdited", Value: true}, bson.E{Key: "editedAt", Value: millis(m.EditedAt)})
	}
	unset := bson.D{}
	if called := toCalled(m.Called()); called != nil {
		set = append(set, bson.E{Key: "called", Value: called})
	} else {
		unset = append(unset, bson.E{Key: "called", Value: ""})
	}
	switch {
	case m.DeletedSeq != 0:
		unset = append(unset, bson.E{Key: "original", Value: ""}, bson.E{Key: "fileUrl", Value: ""}, bson.E{Key: "file", Value: ""},
			bson.E{Key: "mentions", Value: ""})
	case m.EditedSeq != 0:
		set = append(set, bson.E{Key: "original", Value: m.Event.Content})
	}
	update := bson.D{{Key: "$set", Value: set}}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	return update
}

func toMentions(from []store.Mention) (to []mention) {
	for _, m := range from {
		d := mention{Kind: string(m.Kind), Offset: int64(m.Offset), Length: int64(m.Length)}
		if !m.User.IsZero() {
			d.UserID = m.User.String()
		}
		to = append(to, d)
	}
	return to
}

func fromMentions(from []mention) (to []store.Mention, err error) {
	for _, d := range from {
		m := store.Mention{Kind: store.MentionKind(d.Kind), Offset: uint32(d.Offset), Length: uint32(d.Length)}
		if d.UserID != "" {
			if m.User, err = ids.ParseUser(d.UserID); err != nil {
				return nil, err
			}
		}
		to = append(to, m)
	}
	return to, nil
}
