package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// eventColumns are the columns of an event, in the order of appendArgs and scan. The column target is what the event
// FoldsInto.
const eventColumns = "room, seq, ordinal, version, kind, created_at, user_id, username, avatar, nonce, hash, target, content, " +
	"type, file_url, reply_to, emoji, removed, detail"

const columns = 19 // of eventColumns

// appendArgs appends the values of eventColumns.
func appendArgs(args []any, e *store.Event) []any {
	return append(args, e.Room[:], int64(e.Seq), int64(e.Ordinal), int64(e.Version), int64(e.Kind), e.CreatedAt,
		e.Actor.User[:], e.Actor.Username, e.Actor.Avatar, e.Nonce, e.Hash[:], int64(e.FoldsInto()), e.Content,
		e.Type, e.FileURL, int64(e.ReplyTo), e.Emoji, e.Removed, detail(e))
}

// extra is what few messages and edits have.
type extra struct {
	ThreadOrdinal uint32          `json:"threadOrdinal,omitempty"`
	Mentions      []store.Mention `json:"mentions,omitempty"`
	File          *store.FileInfo `json:"file,omitempty"`
}

// detail is the JSON of a member or room change, or of a message's extra; nil for everything else.
func detail(e *store.Event) any {
	var v any
	switch {
	case e.Member != nil:
		v = e.Member
	case e.Info != nil:
		v = e.Info
	case e.ThreadOrdinal != 0 || len(e.Mentions) > 0 || e.File != nil:
		v = extra{e.ThreadOrdinal, e.Mentions, e.File}
	default:
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil // strings, numbers and booleans always encode
	}
	return string(text)
}

// scan reads a row of eventColumns and fold.
func scan(rows *sql.Rows) (*store.Message, error) {
	e := &store.Event{}
	m := &store.Message{Event: e}
	var room, user, hash, detail, fold sql.RawBytes
	if err := rows.Scan(&room, &e.Seq, &e.Ordinal, &e.Version, &e.Kind, &e.CreatedAt, &user, &e.Actor.Username, &e.Actor.Avatar,
		&e.Nonce, &hash, &e.Target, &e.Content, &e.Type, &e.FileURL, &e.ReplyTo, &e.Emoji, &e.Removed, &detail, &fold); err != nil {
		return nil, err
	}
	copy(e.Room[:], room)
	copy(e.Actor.User[:], user)
	copy(e.Hash[:], hash)
	if e.Kind == store.KindMessage {
		e.Thread, e.Target = e.Target, 0
	}
	if err := addDetail(e, detail); err != nil {
		return nil, fmt.Errorf("detail of %s: %w", store.MessageID(e.Room, e.Seq), err)
	}
	if len(fold) > 0 {
		if err := json.Unmarshal(fold, &m.Fold); err != nil {
			return nil, fmt.Errorf("fold of %s: %w", store.MessageID(e.Room, e.Seq), err)
		}
	}
	return m, nil
}

// addDetail fills in what is in detail. A purged event has none, whatever its kind.
func addDetail(e *store.Event, text []byte) error {
	var into any
	switch e.Kind {
	case store.KindMemberJoined, store.KindMemberLeft:
		e.Member = &store.Member{}
		into = e.Member
	case store.KindRoomUpdated:
		e.Info = &store.RoomInfo{}
		into = e.Info
	}
	if len(text) == 0 {
		return nil
	}
	if into != nil {
		return json.Unmarshal(text, into)
	}
	var x extra
	err := json.Unmarshal(text, &x)
	e.ThreadOrdinal, e.Mentions, e.File = x.ThreadOrdinal, x.Mentions, x.File
	return err
}
