package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

// Every query finds its rows by an index: a scan of a table would grow with the log.
func TestQueryPlansUseAnIndex(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "messages.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, query := range []string{
		sqlHead, sqlEvents, sqlBefore, sqlAfter, sqlMessage, sqlFold, sqlBlank, sqlNonces(1), sqlNonces(64),
		sqlMarker, sqlAt, sqlAtInThread, sqlOwn, sqlUncall, sqlUnread, sqlLastCall, sqlCalls, sqlRoomCalls,
		sqlEventAt, sqlPins, sqlChanges, sqlSavedCount, sqlSaved, sqlUnsave, sqlUnsaveRoom,
		sqlRepliesBefore, sqlRepliesAfter, sqlThreads, sqlRooms, sqlJoined, sqlPurgeMarkers, sqlPurgeMentions, sqlPurgeSaved, sqlWipe, sqlWipeHead,
		sqlQuota, sqlFinishFile, sqlFile, sqlClaim, sqlSettle, sqlDiscard, sqlDiscardRoom, sqlUnsent, sqlExpire, sqlInState, sqlForget,
	} {
		plan := explain(t, s, query)
		if !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s\nsearches nothing:\n%s", query, plan)
		}
		for line := range strings.Lines(plan) {
			if query == sqlRooms && strings.Contains(line, "SCAN rooms") {
				continue // of the page that was found
			}
			if query == sqlThreads && (strings.Contains(line, "SCAN roots") || strings.Contains(line, "TEMP B-TREE FOR ORDER BY")) {
				continue // of the page that was found
			}
			if strings.Contains(line, "SCAN") && !strings.Contains(line, "CONSTANT ROW") && !strings.Contains(line, "VALUES CLAUSE") || strings.Contains(line, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, line)
			}
		}
	}
	// The test can fail: this is what a query without an index looks like.
	if plan := explain(t, s, "SELECT seq FROM events WHERE username = ?"); !strings.Contains(plan, "SCAN") {
		t.Errorf("a scan is not recognised: %s", plan)
	}
}

func explain(t *testing.T, s *Store, query string) string {
	t.Helper()
	rows, err := s.db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	if err := each(rows, func() error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		plan.WriteString(detail + "\n")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
