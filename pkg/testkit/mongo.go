// Package testkit gives tests the real parts: NATS, PostgreSQL, a server that speaks MongoDB, and a check that queries use
// their indexes. Every server is private to its test and ends with it.
package testkit

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/natter-chat/natter/pkg/ids"
)

// mongoURLVariable names a real MongoDB for the tests.
const mongoURLVariable = "NATTER_TEST_MONGODB_URL"

// Mongo returns the URL of a fresh, empty database on a server that speaks the MongoDB protocol;
// the path of the URL is its name.
// The server is the one NATTER_TEST_MONGODB_URL names (its databases natter_test_* may be dropped by hand), else a
// FerretDB of its own for tb, which proves the driver code but neither speed nor races.
func Mongo(tb testing.TB) string {
	tb.Helper()
	server := os.Getenv(mongoURLVariable)
	if server == "" {
		server = serverProcess(tb, "ferretdb", tb.TempDir())
	}
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("testkit: %s: %v", mongoURLVariable, err)
	}
	u.Path = "/natter_test_" + strings.ReplaceAll(ids.New[ids.Instance]().String(), "-", "")
	return u.String()
}

// RealMongo reports whether Mongo uses a real MongoDB: only that has query plans, clustered collections and text indexes.
func RealMongo() bool { return os.Getenv(mongoURLVariable) != "" }
