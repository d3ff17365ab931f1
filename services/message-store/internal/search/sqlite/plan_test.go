package sqlite

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
	"github.com/natter-chat/natter/services/message-store/internal/search"
	"github.com/natter-chat/natter/services/message-store/internal/search/query"
)

// Every query finds its rows by an index, and the search walks its index in the order of the answer.
func TestQueryPlansUseAnIndex(t *testing.T) {
	t.Parallel()
	x, err := Open(t.Context(), filepath.Join(t.TempDir(), "search.db"), "e", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	for _, query := range []string{sqlFind, sqlID, sqlRoom, sqlPosition, sqlMessage, sqlNextID, sqlUpdate, sqlDelete, sqlOfRoom} {
		plan := explain(t, x, query)
		if query == sqlFind {
			// FTS5 is given the expression (M1) and both ends of the rowids, and does the order: 192 is by rowid (64), descending
			// (128).
			if !strings.Contains(plan, "SCAN words VIRTUAL TABLE INDEX 192:M1><") || !strings.Contains(plan, "SEARCH messages USING INTEGER PRIMARY KEY") {
				t.Errorf("%s", plan)
			}
		} else if !strings.Contains(plan, "SEARCH") || strings.Contains(plan, "SCAN") {
			t.Errorf("%s\n%s", query, plan)
		}
		if strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nsorts:\n%s", query, plan)
		}
	}
}

func explain(t *testing.T, x *Index, query string) string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	rows, err := x.db.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// An expression asks for each room by tokens of its own.
func TestExpression(t *testing.T) {
	t.Parallel()
	ada := search.Filter{
		From: []ids.User{{1}, {2}}, Has: []query.Has{query.HasPin},
		Terms: []query.Term{{Words: []string{"a"}, Not: true}, {Words: []string{"b"}, Not: true}},
	}
	zeros := strings.Repeat("0", 30)
	for _, tt := range []struct {
		filter search.Filter
		nos    []int64
		want   string
	}{
		{search.Filter{}, []int64{1, 37}, `(("000001m")) OR (("000011m"))`},
		{
			search.Filter{Terms: []query.Term{{Words: []string{"a", "b"}}, {Words: []string{"c"}, Prefix: true}}}, []int64{1},
			`(("000001wa 000001wb" AND "000001wc" *))`,
		},
		{ada, []int64{2}, `((("000002u01` + zeros + `" OR "000002u02` + zeros + `") AND "000002hpin") NOT ("000002wa" OR "000002wb"))`},
	} {
		var rooms []indexed
		for _, no := range tt.nos {
			rooms = append(rooms, indexed{no: no})
		}
		if got := expression(tt.filter, rooms); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}
