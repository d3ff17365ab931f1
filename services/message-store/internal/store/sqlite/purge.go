package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/pkg/sqlite"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

// purgeChunk is how many events one transaction of Purge wipes: it holds up the commits of all rooms.
const purgeChunk = 500

const (
	// Whoever has markers in a room became a member of it once. kind = 6 is store.KindMemberJoined.
	sqlPurgeMarkers  = "DELETE FROM markers WHERE room = ?1 AND user_id = ?2"
	sqlJoined        = "SELECT detail ->> '$.user' FROM events WHERE room = ? AND seq > ? AND seq <= ? AND kind = 6 AND detail IS NOT NULL"
	sqlPurgeMentions = "DELETE FROM mentions WHERE room = ? AND seq > ? AND seq <= ?"
	sqlPurgeSaved    = "DELETE FROM saved WHERE room = ?"
	// Fold, ?4, says that an event is wiped.
	sqlWipe = "UPDATE events SET username = '', avatar = '', content = '', file_url = '', emoji = '', detail = NULL, pinned_seq = 0, fold = ?4 " +
		"WHERE room = ?1 AND seq > ?2 AND seq <= ?3 AND fold IS NOT ?4"
	sqlWipeHead = "UPDATE events SET username = '', avatar = '', detail = ?3 WHERE room = ?1 AND seq = ?2"
)

// Purge wipes what was said and done in a room whose last event is its deletion, and what users keep about it. What stays keeps
// others from writing there: seqs, nonces, hashes, and that it was deleted. It may be called again, and goes on then.
func (s *Store) Purge(ctx context.Context, room ids.Room) error {
	const op = "log.Purge"
	h, err := head(ctx, s.r.head, room)
	if err != nil || h.Seq == 0 {
		return err
	}
	wiped, err := json.Marshal(store.Fold{AsOf: h.Seq, DeletedSeq: h.Seq})
	if err != nil {
		return err
	}
	end, err := json.Marshal(store.RoomInfo{IsDeleted: true})
	if err != nil {
		return err
	}
	for from := int64(0); from < int64(h.Seq)-1; from += purgeChunk {
		to := min(from+purgeChunk, int64(h.Seq)-1)
		if err := s.db.Write(ctx, func(tx *sql.Tx) error { return purge(ctx, tx, room, from, to, string(wiped)) }); err != nil {
			return sqlite.MapErr(op, err)
		}
	}
	return sqlite.MapErr(op, s.db.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, sqlPurgeSaved, room[:]); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, sqlDiscardRoom, h.CreatedAt, room[:]); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, sqlWipeHead, room[:], int64(h.Seq), string(end))
		return err
	}))
}

// purge wipes the events of a room with from < seq <= to, and the markers of those who joined in them.
func purge(ctx context.Context, tx *sql.Tx, room ids.Room, from, to int64, wiped string) error {
	rows, err := tx.QueryContext(ctx, sqlJoined, room[:], from, to)
	if err != nil {
		return err
	}
	var users []ids.User
	if err := each(rows, func() error {
		var text string
		if err := rows.Scan(&text); err != nil {
			return err
		}
		user, err := ids.ParseUser(text)
		users = append(users, user)
		return err
	}); err != nil {
		return err
	}
	for _, user := range users {
		if _, err := tx.ExecContext(ctx, sqlPurgeMarkers, room[:], user[:]); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, sqlPurgeMentions, room[:], from, to); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, sqlWipe, room[:], from, to, wiped)
	return err
}
