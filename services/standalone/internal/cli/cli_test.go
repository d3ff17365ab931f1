package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/natter-chat/natter/services/auth"
)

// run runs a command with lines of input and returns its exit code and what it wrote.
func run(t *testing.T, command func(context.Context, Process) int, environ []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = command(t.Context(), Process{Args: args, Environ: environ, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs})
	return code, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func(context.Context, Process) int{"chat": Chat, "demo": Demo, "load": Load, "keys": Keys, "nkeys": NKeys} {
		code, stdout, stderr := run(t, command, nil, "", "--help")
		want, err := os.ReadFile(filepath.Join("testdata", name+".help"))
		if err != nil {
			t.Fatal(err)
		}
		if code != exitOK || stderr != "" || stdout != string(want) {
			t.Errorf("natter %s --help = %d, stderr %q, stdout differs from testdata/%s.help:\n%s", name, code, stderr, name, stdout)
		}
	}
}

// Every service gets a seed, and the NATS server its public key.
func TestNKeys(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, NKeys, nil, "")
	if code != exitOK || stderr != "" {
		t.Fatalf("natter nkeys = %d: %s", code, stderr)
	}
	for _, want := range []string{"\nNATS_NKEY_EDGE_GATEWAY=U", "\nNATS_SEED_EDGE_GATEWAY=SU", "\nNATS_SEED_MESSAGE_STORE=SU"} {
		if !strings.Contains("\n"+stdout, want) {
			t.Errorf("%q is missing in\n%s", want, stdout)
		}
	}
	if _, again, _ := run(t, NKeys, nil, ""); again == stdout {
		t.Error("the same keys again")
	}
}

func TestWrongUseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		environ []string
		stdin   string
		args    []string
		code    int
		want    string
	}{
		{"unknown flag", nil, "", []string{"--rom", "x"}, exitUsage, "Run `natter chat --help`"},
		{"argument", nil, "", []string{"lobby"}, exitUsage, `unexpected argument "lobby"`},
		{"password in argv", nil, "", []string{"--password", "x"}, exitUsage, "not defined: -password"},
		{"no password", nil, "", []string{"--user", "a@b.c"}, exitFail, "password is needed"},
		{"no user", nil, "", nil, exitFail, "e-mail is needed"},
		{"bad address", []string{"NATTER_SERVER=localhost:8080"}, "pw\n", []string{"--user", "a@b.c"}, exitFail, "it looks like http://localhost:8080"},
		{"no server", []string{"NATTER_SERVER=http://" + closedPort(t), "NATTER_PASSWORD=pw"}, "", []string{"--user", "a@b.c"}, exitFail, "Start one with `natter`"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, Chat, tt.environ, tt.stdin, tt.args...)
			if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d and %q", code, stdout, stderr, tt.code, tt.want)
			}
		})
	}
	if code, _, stderr := run(t, Demo, nil, "", "--server", "http://"+closedPort(t)); code != exitFail || !strings.Contains(stderr, "Start one with") {
		t.Errorf("demo without a server: %d %q", code, stderr)
	}
}

func TestLoadSaysWhatToDo(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	withKey := t.TempDir()
	if err := os.WriteFile(filepath.Join(withKey, "secret.key"), []byte(base64.StdEncoding.EncodeToString(make([]byte, 32))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no profile":      {nil, exitUsage, "name a profile first"},
		"unknown profile": {[]string{"flood"}, exitUsage, `unexpected argument "flood"`},
		"unknown flag":    {[]string{"ack", "--speed", "1"}, exitUsage, "Run `natter load --help`"},
		"no rooms":        {[]string{"ack", "--rooms", "0"}, exitFail, "--rooms must be at least 1"},
		"too many":        {[]string{"fanout", "--users", "2", "--senders", "3"}, exitFail, "a room has only 2 users"},
		"no data":         {[]string{"ack", "--data", empty}, exitFail, "name it with --data"},
		"no server":       {[]string{"ack", "--data", withKey, "--server", "http://" + closedPort(t)}, exitFail, "Start one with `natter`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := run(t, Load, nil, "", tt.args...)
			if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d and %q", code, stdout, stderr, tt.code, tt.want)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	dir, secret := t.TempDir(), base64.StdEncoding.EncodeToString(make([]byte, 32))
	account := []auth.Account{{Email: "ann@example.org", Username: "ann"}}
	if _, err := auth.Provision(t.Context(), auth.Config{DataDir: dir, SecretKey: secret}, account, time.Hour); err != nil {
		t.Fatal(err)
	}
	other := "NATTER_SECRET_KEY=" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32))
	for _, step := range []struct {
		name    string
		environ []string
		args    []string
		code    int
		want    []string // in stdout, or stderr
	}{
		{"one", nil, nil, exitOK, []string{"signs"}},
		{"no secret key", nil, []string{"rotate"}, exitFail, []string{"--data"}},
		{"another secret key", []string{other}, []string{"rotate"}, exitFail, []string{"NATTER_SECRET_KEY_OLD"}},
		{"rotate", []string{"NATTER_SECRET_KEY=" + secret}, []string{"rotate"}, exitOK, []string{"A new key is published"}},
		{"two", nil, nil, exitOK, []string{"published", "signs"}},
		{"revoke", []string{"NATTER_SECRET_KEY=" + secret}, []string{"revoke"}, exitOK, []string{"A new key signs"}},
		{"the new one", nil, nil, exitOK, []string{"signs"}},
		{"the secret is lost", []string{other}, []string{"revoke"}, exitOK, []string{"A new key signs", "another secret key: restart"}},
		{"unknown action", nil, []string{"forget"}, exitUsage, []string{`unexpected argument "forget"`}},
		{"unknown setting", []string{"NATTER_KEY_ROTATION=soon"}, nil, exitFail, []string{"NATTER_KEY_ROTATION"}},
	} {
		code, stdout, stderr := run(t, Keys, step.environ, "", append(step.args, "--data", dir)...)
		text := stdout
		if step.code != exitOK {
			text = stderr
		}
		for _, want := range step.want {
			if code != step.code || !strings.Contains(text, want) {
				t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %d and %q", step.name, code, stdout, stderr, step.code, want)
			}
		}
		if step.args == nil && step.code == exitOK && strings.Count(stdout, "\n") != 1+len(step.want) {
			t.Errorf("%s: %s", step.name, stdout)
		}
	}
	if code, _, stderr := run(t, Keys, nil, "", "--data", t.TempDir()); code != exitFail || !strings.Contains(stderr, "not the data directory") {
		t.Errorf("of an empty directory: %d %s", code, stderr)
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestCleanDisarmsTheTextOfStrangers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"hé 👍":            "hé 👍",
		"\x1b[2Jgone\a":   "\ufffd[2Jgone\ufffd",
		"a\u202eb\u009bc": "a\ufffdb\ufffdc",
		"a\r\nb\nc":       "a\n      b\n      c",
		"a\rb\tc":         "a\ufffdb\ufffdc",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestDemoFindsADifference(t *testing.T) {
	t.Parallel()
	cast := func(cleo ...sight) []*actor {
		saw := []sight{{4, "shown", "a"}, {text: typingSight}, {5, "shown", "b"}, {6, "shown", "c"}}
		return []*actor{{name: "ana", saw: saw}, {name: "ben", saw: saw}, {name: "cleo", saw: cleo}}
	}
	if err := sameOrder(cast(sight{4, "shown", "a"}, sight{5, "shown", "b"}, sight{text: offlineSight}, sight{6, "shown", "c"})); err != nil {
		t.Errorf("the same: %v", err)
	}
	for name, cleo := range map[string][]sight{
		"missing":       {{4, "shown", "a"}, {6, "shown", "c"}},
		"swapped":       {{4, "shown", "a"}, {6, "shown", "c"}, {5, "shown", "b"}},
		"twice":         {{4, "shown", "a"}, {5, "shown", "b"}, {5, "shown", "b"}, {6, "shown", "c"}},
		"another event": {{4, "shown", "a"}, {5, "shown", "x"}, {6, "shown", "c"}},
		"nothing":       {},
	} {
		if err := sameOrder(cast(cleo...)); err == nil || !strings.Contains(err.Error(), "cleo") {
			t.Errorf("%s: %v", name, err)
		}
	}
	holes := []*actor{{name: "ana", saw: []sight{{4, "shown", "a"}, {6, "shown", "c"}}}}
	if err := sameOrder(holes); err == nil {
		t.Error("a hole that all share is not found")
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	printColumns(&out, []*actor{
		{name: "ana", saw: []sight{{1, "one", ""}, {2, "two", ""}, {3, strings.Repeat("é", 50), ""}}},
		{name: "ben", saw: []sight{{1, "one", ""}, {0, "-- lost --", ""}, {2, "two", ""}}},
	})
	pad := func(s string) string { return s + strings.Repeat(" ", columnWidth-len(s)+2) }
	want := pad("ana saw") + "ben saw\n" + pad("one") + "one\n" + pad("") + "-- lost --\n" + pad("two") + "two\n" +
		strings.Repeat("é", columnWidth-1) + "…\n"
	if out.String() != want {
		t.Errorf("columns:\n%s\nwant:\n%s", out.String(), want)
	}
}
