package postgres_test

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/natter-chat/natter/pkg/postgres"
	"github.com/natter-chat/natter/pkg/testkit"
)

// The roles that deploy/postgres/roles.sh makes can migrate and use their own database, and do nothing in the other.
func TestRolesOfADeployment(t *testing.T) {
	t.Parallel()
	admin, err := url.Parse(testkit.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	script := exec.CommandContext(t.Context(), "bash", "../../deploy/postgres/roles.sh")
	script.Env = append(os.Environ(), "PGHOST="+admin.Query().Get("host"), "PGUSER="+admin.User.Username(), "PGDATABASE=postgres",
		"POSTGRES_AUTH_PASSWORD=it's a secret", "POSTGRES_ROOMS_PASSWORD=another")
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	as := func(role, database string) string {
		u := *admin
		u.User, u.Path = url.User(role), "/"+database
		return u.String()
	}
	files := fstest.MapFS{"00001_first.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (name text);\n")}}
	for role, other := range map[string]string{"natter_auth": "natter_rooms", "natter_rooms": "natter_auth"} {
		pool, err := postgres.Open(t.Context(), as(role, role), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := postgres.Migrate(t.Context(), pool, files, "migrations"); err != nil {
			t.Errorf("%s cannot migrate: %v", role, err)
		}
		for _, sql := range []string{"CREATE ROLE mallory", "CREATE DATABASE mallory", "SELECT rolpassword FROM pg_authid", "COPY things FROM PROGRAM 'id'"} {
			if _, err := pool.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") { // insufficient privilege
				t.Errorf("%s: %s: %v", role, sql, err)
			}
		}
		pool.Close()
		if pool, err := postgres.Open(t.Context(), as(role, other), nil); err == nil {
			pool.Close()
			t.Errorf("%s gets into %s", role, other)
		} else if !strings.Contains(err.Error(), "permission denied for database") {
			t.Error(err)
		}
	}
}
