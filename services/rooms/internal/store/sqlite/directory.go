package sqlite

import (
	"context"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/rooms/internal/room"
	"github.com/natter-chat/natter/services/rooms/internal/store"
)

// Directory implements store.Access.
func (s *Store) Directory(ctx context.Context, viewer ids.User, query string, after room.Position, limit int) ([]store.Listed, error) {
	const listed = `SELECT ` + roomColumns + `, r.sort_name, EXISTS (SELECT 1 FROM room_members m WHERE m.room_id = r.id AND m.user_id = ?1)
		FROM rooms r
		WHERE NOT r.is_private AND NOT r.is_archived AND r.deleted_at IS NULL AND (r.sort_name, r.id) > (?2, ?3) AND instr(r.search, ?4) > 0
		ORDER BY r.sort_name, r.id LIMIT ?5`
	scan := func(row scanner) (l store.Listed, err error) {
		err = row.Scan(append(roomFields(&l.Room), &l.Position.SortName, &l.IsMember)...)
		l.Position.ID = l.Room.ID
		return l, err
	}
	return list(ctx, s.db.Read(), scan, "rooms.Directory", listed, viewer, after.SortName, after.ID, query, limit)
}
