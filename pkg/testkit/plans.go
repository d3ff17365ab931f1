package testkit

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// scanMarker exempts a statement from the plan checks; the text after it says why reading the whole table is right:
//
//	SELECT id FROM signing_keys /* scan: a handful of keys */
const scanMarker = "/* scan:"

var statement = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s`)

// CheckPostgresPlans fails the test for every SQL statement in the Go files of dir (a storage engine's package, its tests
// left out) that PostgreSQL can only answer by reading a whole table. The pool's database must be migrated.
func CheckPostgresPlans(tb testing.TB, pool *pgxpool.Pool, dir string) {
	tb.Helper()
	ctx := tb.Context()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Release()
	// Tables of a test are empty, so that reading one whole is always cheapest, unless it is forbidden where an index fits.
	if _, err := conn.Exec(ctx, "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan"); err != nil {
		tb.Fatal(err)
	}
	for _, query := range statements(tb, dir) {
		plan, err := explainPostgres(ctx, conn.Conn(), query)
		if err != nil {
			tb.Errorf("explain %s\n%v", query, err)
		} else if plan.readsWholeTable() {
			tb.Errorf("no index for %s\n%+v", query, plan)
		}
	}
}

type pgPlan struct {
	Type     string   `json:"Node Type"`
	Relation string   `json:"Relation Name,omitempty"`
	Index    string   `json:"Index Name,omitempty"`
	Cond     string   `json:"Index Cond,omitempty"`
	Plans    []pgPlan `json:"Plans,omitempty"`
}

func (p pgPlan) readsWholeTable() bool {
	if p.Type == "Seq Scan" || strings.HasPrefix(p.Type, "Index") && p.Cond == "" {
		return true
	}
	for _, child := range p.Plans {
		if child.readsWholeTable() {
			return true
		}
	}
	return false
}

// explainPostgres explains query for any values of its parameters.
func explainPostgres(ctx context.Context, conn *pgx.Conn, query string) (pgPlan, error) {
	if _, err := conn.Exec(ctx, "PREPARE explained AS "+query); err != nil {
		return pgPlan{}, err
	}
	defer func() { _, _ = conn.Exec(ctx, "DEALLOCATE explained") }()
	var parameters int
	err := conn.QueryRow(ctx, "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'explained'").Scan(&parameters)
	if err != nil {
		return pgPlan{}, err
	}
	execute := "EXPLAIN (FORMAT JSON) EXECUTE explained"
	if parameters > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", parameters), ",") + ")"
	}
	var raw []byte
	if err := conn.QueryRow(ctx, execute).Scan(&raw); err != nil {
		return pgPlan{}, err
	}
	var explained []struct{ Plan pgPlan }
	if err := json.Unmarshal(raw, &explained); err != nil || len(explained) != 1 {
		return pgPlan{}, fmt.Errorf("plan %s: %w", raw, err)
	}
	return explained[0].Plan, nil
}

// CheckSQLitePlans is CheckPostgresPlans for SQLite, with parameters written ? or ?1.
func CheckSQLitePlans(tb testing.TB, db *sql.DB, dir string) {
	tb.Helper()
	for _, query := range statements(tb, dir) {
		steps, err := explainSQLite(tb.Context(), db, query)
		if err != nil {
			tb.Errorf("explain %s\n%v", query, err)
		}
		for _, step := range steps {
			// A SCAN reads all rows (of a table, or of an index); a SEARCH goes to those it needs. json_each is a list
			// of parameters, and a subquery was searched for itself.
			subquery := slices.Contains(steps, "CO-ROUTINE "+strings.TrimPrefix(step, "SCAN "))
			if strings.HasPrefix(step, "SCAN") && step != "SCAN CONSTANT ROW" && !strings.HasPrefix(step, "SCAN json_each") && !subquery {
				tb.Errorf("no index for %s\n%s", query, strings.Join(steps, "\n"))
				break
			}
		}
	}
}

func explainSQLite(ctx context.Context, db *sql.DB, query string) (steps []string, err error) {
	// The driver wants a value for every parameter, and takes more than there are; the plan does not depend on them.
	rows, err := db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, make([]any, 64)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// statements lists the SQL statements that the Go files of dir hold as constant strings, without those marked to scan.
// Finding them in the source means that none can be forgotten; a statement put together at run time is not seen.
func statements(tb testing.TB, dir string) []string {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		tb.Fatal(err)
	}
	var found []string
	var parsed []*ast.File
	files := token.NewFileSet()
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			tb.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	// Only constants are wanted: what the imports would say is missing, and that is no error here.
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	check := types.Config{Error: func(error) {}}
	_, _ = check.Check(dir, files, parsed, &info)
	for _, file := range parsed {
		ast.Inspect(file, func(n ast.Node) bool {
			expr, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			value := info.Types[expr].Value
			if value == nil || value.Kind() != constant.String {
				return true
			}
			if query := constant.StringVal(value); statement.MatchString(query) && !strings.Contains(query, scanMarker) {
				found = append(found, query)
			}
			return false // the parts of a constant are no statements
		})
	}
	if len(found) == 0 {
		tb.Fatalf("no SQL statement in %s", dir)
	}
	return found
}
