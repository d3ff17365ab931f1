package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres makes an empty database in a private PostgreSQL server and returns its URL. The server is the machine's own
// (Debian's binaries), starts with the first call of a test binary (about a second) and ends with the test binary,
// however that ends. It listens on a Unix socket only and does not fsync: it is for tests of SQL, not of durability.
// The database is dropped at the end of the test. Missing binaries fail the test: a skipped storage test would pass.
func Postgres(tb testing.TB) (url string) {
	tb.Helper()
	server, err := postgresServer()
	if err != nil {
		tb.Fatalf("testkit: start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test_%d", server.databases.Add(1))
	if err := server.admin("CREATE DATABASE " + name); err != nil {
		tb.Fatalf("testkit: create a PostgreSQL database: %v", err)
	}
	tb.Cleanup(func() {
		if err := server.admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Errorf("testkit: drop a PostgreSQL database: %v", err)
		}
	})
	return server.url(name)
}

// postgresServer is the one server of this test binary.
var postgresServer = sync.OnceValues(startPostgres)

// postgres is a running private server.
type postgres struct {
	dir       string
	databases atomic.Int64
	// leash is the write end of the pipe that the keeper process waits on. The kernel closes it when the test binary is
	// gone, even by SIGKILL; it is held here so that the garbage collector does not.
	leash *os.File
}

const (
	postgresSuperuser    = "natter"
	postgresStartTimeout = 30 * time.Second
)

// keepPostgres starts the server, stops it when its standard input ends, and removes the data.
const keepPostgres = `
"$0" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=200 -c shared_buffers=32MB \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off &
read -r _
kill -QUIT $!
wait $!
cd / && rm -rf "$1"
`

func startPostgres() (*postgres, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// The first test to come starts the server, but all use it: nothing here ends with that test.
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "natter-pg-")
	if err != nil {
		return nil, err
	}
	if account != nil {
		if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, err
		}
	}
	// A process group of its own: Ctrl-C ends the tests, and their end ends the server in good order.
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: account}

	// No locale: what the product does with letters must not depend on the operator's collation.
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "--username", postgresSuperuser,
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, attr
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}

	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = logFile.Close() }()
	stdin, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = stdin.Close() }()
	keeper := exec.CommandContext(ctx, "/bin/sh", "-c", keepPostgres, filepath.Join(bin, "postgres"), dir)
	keeper.Dir, keeper.SysProcAttr = dir, attr
	keeper.Stdin, keeper.Stdout, keeper.Stderr = stdin, logFile, logFile
	if err := keeper.Start(); err != nil {
		return nil, err
	}
	server := &postgres{dir: dir, leash: leash}
	if err := server.awaitReady(); err != nil {
		text, _ := os.ReadFile(logFile.Name())
		_ = leash.Close()
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return server, nil
}

func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", postgresSuperuser, database, p.dir)
}

// admin runs one statement on a connection of its own: it is rare, and CREATE DATABASE allows no transaction.
func (p *postgres) admin(sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), postgresStartTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func (p *postgres) awaitReady() (err error) {
	deadline := time.After(postgresStartTimeout)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if err = p.admin("SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-deadline:
			return fmt.Errorf("not ready after %v: %w", postgresStartTimeout, err)
		case <-poll.C:
		}
	}
}

// postgresBinaries finds the folder of initdb and postgres: the newest of Debian's, else what is in PATH.
func postgresBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	newest, newestVersion := "", 0
	for _, path := range found {
		bin := filepath.Dir(path)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(bin))); err == nil && version > newestVersion {
			newest, newestVersion = bin, version
		}
	}
	if newest != "" {
		return newest, nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("the server's binaries (initdb, postgres) are missing: apt-get install postgresql")
	}
	return filepath.Dir(path), nil
}

// unprivileged is the account that the server runs under when the tests run as root, which PostgreSQL refuses; nil: as
// the tests themselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, fmt.Errorf("as root, an account to run the server under is needed: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
