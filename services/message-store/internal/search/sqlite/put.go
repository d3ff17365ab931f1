package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/natter-chat/natter/services/message-store/internal/search"
)

const (
	// The id of a message is the millisecond in which it was sent, and a number within it: enough for two million messages,
	// until the year 2109.
	idBits = 21

	// endChunk is how many messages of a room that ended one transaction takes out: each takes half a millisecond, because
	// what is taken out is overwritten.
	endChunk = 100

	sqlRoom     = "SELECT no, seq FROM rooms WHERE room = ?"
	sqlNewRoom  = "INSERT INTO rooms (room, seq) VALUES (?, 0) RETURNING no"
	sqlPosition = "UPDATE rooms SET seq = ? WHERE no = ?"
	sqlMessage  = "SELECT id, tokens FROM messages WHERE no = ? AND seq = ?"
	sqlNextID   = "SELECT coalesce(max(id) + 1, ?1) FROM messages WHERE id >= ?1 AND id < ?2"
	sqlInsert   = "INSERT INTO messages (id, no, seq, tokens) VALUES (?, ?, ?, ?)"
	sqlUpdate   = "UPDATE messages SET tokens = ? WHERE id = ?"
	sqlDelete   = "DELETE FROM messages WHERE id = ?"
	sqlOfRoom   = "SELECT id, tokens FROM messages WHERE no = ? LIMIT ?"

	sqlIndex   = "INSERT INTO words (rowid, tokens) VALUES (?, ?)"
	sqlUnindex = "INSERT INTO words (words, rowid, tokens) VALUES ('delete', ?, ?)"
)

// Put takes the next parts of rooms, all in one transaction.
func (x *Index) Put(ctx context.Context, parts []search.Part) error {
	return x.db.Write(ctx, func(tx *sql.Tx) error {
		w := writer{ctx: ctx, tx: tx, stmts: map[string]*sql.Stmt{}}
		var changes []change
		for _, part := range parts {
			more, err := w.part(part)
			if err != nil {
				return err
			}
			changes = append(changes, more...)
		}
		return w.write(changes)
	})
}

// writer is a transaction.
type writer struct {
	ctx   context.Context //nolint:containedctx // it lives as long as the transaction
	tx    *sql.Tx
	stmts map[string]*sql.Stmt // of the transaction, which closes them
}

// change is what becomes of a message. One without tokens is taken out; id 0: it is new.
type change struct {
	id          int64
	createdAt   int64
	no          int64
	seq         uint32
	was, tokens string
}

func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if s := w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := w.tx.PrepareContext(w.ctx, query)
	w.stmts[query] = s
	return s, err
}

func (w *writer) exec(query string, args ...any) error {
	s, err := w.stmt(query)
	if err == nil {
		_, err = s.ExecContext(w.ctx, args...)
	}
	return err
}

// read scans the row of a query; found: there is one.
func (w *writer) read(query string, args []any, into ...any) (found bool, err error) {
	s, err := w.stmt(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(w.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// room is the number of a part's room, and where it is. One that is not in the index gets a number.
func (w *writer) room(part search.Part) (no int64, at uint32, err error) {
	found, err := w.read(sqlRoom, []any{part.Room[:]}, &no, &at)
	if err == nil && !found {
		_, err = w.read(sqlNewRoom, []any{part.Room[:]}, &no)
	}
	return no, at, err
}

// part moves the position of a room and returns what changes.
func (w *writer) part(part search.Part) (changes []change, err error) {
	no, at, err := w.room(part)
	if err != nil || at != part.From {
		return nil, err // who was faster has put it, or who cleared the index begins anew
	}
	if part.Ended {
		if changes, err = w.ofRoom(no); err != nil || len(changes) == endChunk {
			return changes, err // and the room stays where it is
		}
	}
	if err := w.exec(sqlPosition, int64(part.To), no); err != nil || part.Ended {
		return changes, err
	}
	for _, d := range part.Documents {
		c := change{createdAt: d.CreatedAt, no: no, seq: d.Seq, tokens: strings.Join(d.Tokens, " ")}
		if _, err := w.read(sqlMessage, []any{no, int64(d.Seq)}, &c.id, &c.was); err != nil {
			return nil, err
		}
		if c.was != c.tokens {
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// ofRoom are changes that take messages of a room out.
func (w *writer) ofRoom(no int64) (changes []change, err error) {
	s, err := w.stmt(sqlOfRoom)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(w.ctx, no, endChunk)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		c := change{no: no}
		if err := rows.Scan(&c.id, &c.was); err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

// write makes changes: first those of messages that are in the index, then new ones, each in the order of the ids. FTS5
// writes what it has gathered to disk whenever it is given a lower rowid than before.
func (w *writer) write(changes []change) error {
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(compareBool(a.id == 0, b.id == 0), cmp.Compare(a.id, b.id), cmp.Compare(a.createdAt, b.createdAt), cmp.Compare(a.seq, b.seq))
	})
	for _, c := range changes {
		if err := w.change(c); err != nil {
			return err
		}
	}
	return nil
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func (w *writer) change(c change) error {
	if c.was != "" {
		if err := w.exec(sqlUnindex, c.id, inRoom(c.no, c.was)); err != nil {
			return err
		}
	}
	switch {
	case c.tokens == "":
		return w.exec(sqlDelete, c.id)
	case c.id == 0:
		first := idAt(c.createdAt)
		if _, err := w.read(sqlNextID, []any{first, idAt(c.createdAt + 1)}, &c.id); err != nil {
			return err
		}
		if err := w.exec(sqlInsert, c.id, c.no, int64(c.seq), c.tokens); err != nil {
			return err
		}
	default:
		if err := w.exec(sqlUpdate, c.tokens, c.id); err != nil {
			return err
		}
	}
	return w.exec(sqlIndex, c.id, inRoom(c.no, c.tokens))
}

// idAt is the first id of a millisecond.
func idAt(ms int64) int64 {
	const last = 1<<(63-idBits) - 1
	return min(max(ms, 0), last) << idBits
}

// inRoom puts the number of a room before each token.
func inRoom(no int64, tokens string) string {
	prefix := roomPrefix(no)
	var b strings.Builder
	for token := range strings.SplitSeq(tokens, " ") {
		b.WriteString(prefix)
		b.WriteString(token)
		b.WriteByte(' ')
	}
	return b.String()
}

// roomPrefix is the same length for every room, so that none is the beginning of another.
func roomPrefix(no int64) string {
	const base, zeros = 36, "000000"
	text := strconv.FormatInt(no, base)
	return zeros[:max(len(zeros)-len(text), 0)] + text
}
