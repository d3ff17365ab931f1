package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/natter-chat/natter/pkg/sqlite"
)

const keyLength = 3 // room, user, nonce

// groups are how many rows one multi-row statement has: a batch is cut into as few of them as possible, so that a few
// prepared statements serve every size. With 64 rows the cost per row is as low as it gets.
func groups() [groupSizes]int { return [groupSizes]int{64, 16, 4, 1} }

const groupSizes = 4

const (
	sqlHead   = "SELECT seq, ordinal, version, created_at FROM events WHERE room = ? ORDER BY seq DESC LIMIT 1"
	sqlEvents = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?"
	// kind = 1 is store.KindMessage.
	sqlBefore  = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND seq < ? AND kind = 1 AND target = 0 ORDER BY seq DESC LIMIT ?"
	sqlAfter   = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND seq > ? AND kind = 1 AND target = 0 ORDER BY seq LIMIT ?"
	sqlMessage = "SELECT " + eventColumns + ", fold FROM events WHERE room = ? AND seq = ? AND kind = 1"

	sqlFold  = "UPDATE events SET fold = ?, pinned_seq = ? WHERE room = ? AND seq = ?"
	sqlBlank = "UPDATE events SET content = '', file_url = '', detail = json_remove(detail, '$.mentions', '$.file') WHERE room = ? AND seq = ?"
)

func sqlInsert(rows int) string {
	return "INSERT INTO events (" + eventColumns + ") VALUES " + tuples(rows, columns) + " ON CONFLICT DO NOTHING"
}

func sqlNonces(keys int) string {
	return "SELECT room, user_id, nonce, seq, created_at, hash FROM events WHERE (room, user_id, nonce) IN (VALUES " + tuples(keys, keyLength) + ")"
}

// tuples is n times "(?,?,…)".
func tuples(n, width int) string {
	one := "(" + strings.Repeat("?,", width-1) + "?)"
	return strings.Repeat(one+",", n-1) + one
}

// writeStatements are prepared on the writing connection.
type writeStatements struct {
	insert               [groupSizes]*sql.Stmt
	message, fold, blank *sql.Stmt
	marker, mark, follow *sql.Stmt
	at, atInThread, own  *sql.Stmt
	call, uncall         *sql.Stmt
}

func (w *writeStatements) prepare(ctx context.Context, db *sqlite.DB) (err error) {
	for i, n := range groups() {
		if w.insert[i], err = db.Prepare(ctx, sqlInsert(n)); err != nil {
			return err
		}
	}
	return prepareAll(map[string]**sql.Stmt{sqlMessage: &w.message, sqlFold: &w.fold, sqlBlank: &w.blank, sqlMarker: &w.marker, sqlMark: &w.mark, sqlFollow: &w.follow,
		sqlAt: &w.at, sqlAtInThread: &w.atInThread, sqlOwn: &w.own,
		sqlCall: &w.call, sqlUncall: &w.uncall},
		func(query string) (*sql.Stmt, error) { return db.Prepare(ctx, query) })
}

// readStatements are prepared on the reading connections.
type readStatements struct {
	unread, lastCall, calls, roomCalls                             *sql.Stmt
	nonces                                                         [groupSizes]*sql.Stmt
	head, events, before, after, message, eventAt, changes, marker *sql.Stmt
	followed                                                       *sql.Stmt
	repliesBefore, repliesAfter, threads                           *sql.Stmt
}

func (r *readStatements) prepare(ctx context.Context, db *sql.DB) (err error) {
	prepare := func(query string) (*sql.Stmt, error) {
		stmt, err := db.PrepareContext(ctx, query)
		return stmt, sqlite.MapErr("prepare", err)
	}
	for i, n := range groups() {
		if r.nonces[i], err = prepare(sqlNonces(n)); err != nil {
			return err
		}
	}
	return prepareAll(map[string]**sql.Stmt{sqlHead: &r.head, sqlEvents: &r.events, sqlBefore: &r.before, sqlAfter: &r.after,
		sqlMessage: &r.message, sqlEventAt: &r.eventAt, sqlChanges: &r.changes, sqlMarker: &r.marker, sqlFollowed: &r.followed, sqlUnread: &r.unread, sqlLastCall: &r.lastCall, sqlCalls: &r.calls, sqlRoomCalls: &r.roomCalls,
		sqlRepliesBefore: &r.repliesBefore, sqlRepliesAfter: &r.repliesAfter, sqlThreads: &r.threads}, prepare)
}

func prepareAll(queries map[string]**sql.Stmt, prepare func(string) (*sql.Stmt, error)) (err error) {
	for query, into := range queries {
		if *into, err = prepare(query); err != nil {
			return err
		}
	}
	return nil
}
