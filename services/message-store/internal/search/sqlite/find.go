package sqlite

import (
	"context"
	"database/sql"
	"math"
	"strings"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/store"
)

const (
	// The index is walked from the newest message on, as far as it takes; CROSS JOIN keeps it first.
	sqlFind = "SELECT messages.id, messages.no, messages.seq FROM words CROSS JOIN messages ON messages.id = words.rowid " +
		"WHERE words MATCH ? AND words.rowid >= ? AND words.rowid < ? ORDER BY words.rowid DESC LIMIT ?"
	sqlID = "SELECT id FROM messages WHERE no = (SELECT no FROM rooms WHERE room = ?) AND seq = ?"
)

// Find returns messages that fit. It looks each token up once for each room, and then reads as far as the limit.
func (x *Index) Find(ctx context.Context, f search.Filter, before search.At, limit int) (found []search.At, err error) {
	err = x.snapshot(ctx, func(tx *sql.Tx) error {
		rooms, err := roomsOf(ctx, tx, f.Rooms)
		if err != nil || len(rooms) == 0 {
			return err
		}
		from, to, err := span(ctx, tx, f, before)
		if err != nil {
			return err
		}
		byNo := make(map[int64]ids.Room, len(rooms))
		for _, r := range rooms {
			byNo[r.no] = r.room
		}
		rows, err := tx.QueryContext(ctx, sqlFind, expression(f, rooms), from, to, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id, no int64
			var seq uint32
			if err := rows.Scan(&id, &no, &seq); err != nil {
				return err
			}
			found = append(found, search.At{CreatedAt: id >> idBits, Ref: store.Ref{Room: byNo[no], Seq: seq}})
		}
		return rows.Err()
	})
	return found, err
}

// span is between which ids to look: from <= id < to.
func span(ctx context.Context, tx *sql.Tx, f search.Filter, before search.At) (from, to int64, err error) {
	from, to = idAt(f.After), math.MaxInt64
	if f.Before > 0 {
		to = idAt(f.Before)
	}
	if before == (search.At{}) {
		return from, to, nil
	}
	rows, err := tx.QueryContext(ctx, sqlID, before.Room[:], int64(before.Seq))
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = rows.Close() }()
	// A message that is not there any more: others of its millisecond may be found once more.
	end := idAt(before.CreatedAt + 1)
	if rows.Next() {
		if err := rows.Scan(&end); err != nil {
			return 0, 0, err
		}
	}
	return from, min(to, end), rows.Err()
}

// expression is a filter in the language of FTS5: room by room, all of these tokens and none of those.
func expression(f search.Filter, rooms []indexed) string {
	var b strings.Builder
	for i, r := range rooms {
		if i > 0 {
			b.WriteString(" OR ")
		}
		wanted, unwanted := tokens(f, roomPrefix(r.no))
		b.WriteString("((" + strings.Join(wanted, " AND ") + ")")
		if len(unwanted) > 0 {
			b.WriteString(" NOT (" + strings.Join(unwanted, " OR ") + ")")
		}
		b.WriteString(")")
	}
	return b.String()
}

func tokens(f search.Filter, prefix string) (wanted, unwanted []string) {
	for _, t := range f.Terms {
		words := make([]string, len(t.Words))
		for i, w := range t.Words {
			words[i] = search.WordToken(w)
		}
		p := phrase(prefix, words...)
		if t.Prefix {
			p += " *"
		}
		if t.Not {
			unwanted = append(unwanted, p)
		} else {
			wanted = append(wanted, p)
		}
	}
	if len(f.From) > 0 {
		from := make([]string, len(f.From))
		for i, user := range f.From {
			from[i] = phrase(prefix, search.FromToken(user))
		}
		wanted = append(wanted, "("+strings.Join(from, " OR ")+")")
	}
	for _, has := range f.Has {
		wanted = append(wanted, phrase(prefix, search.HasToken(has)))
	}
	if len(wanted) == 0 {
		wanted = append(wanted, phrase(prefix, search.TokenAny))
	}
	return wanted, unwanted
}

// phrase is tokens in a row. They need no escaping: see search.TokenAny.
func phrase(prefix string, words ...string) string {
	return `"` + prefix + strings.Join(words, " "+prefix) + `"`
}
