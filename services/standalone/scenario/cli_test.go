package scenario

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// natter is a command for the terminal, with its input open.
type natter struct {
	*exec.Cmd
	in       io.WriteCloser
	out, err lockedBuffer
}

func (s *system) natter(t *testing.T, args ...string) *natter {
	t.Helper()
	n := &natter{Cmd: exec.CommandContext(t.Context(), filepath.Join(binaries, "natter"), args...)}
	n.Env = append(os.Environ(), "NATTER_SERVER="+s.url, "NATTER_PASSWORD=correct horse battery")
	n.Stdout, n.Stderr = &n.out, &n.err
	var err error
	if n.in, err = n.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// String is all of it.
func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// says waits until the command has printed a text.
func (n *natter) says(t *testing.T, text string) {
	t.Helper()
	eventually(t, fmt.Sprintf("it prints %q", text), func() error {
		if out := n.out.String(); !strings.Contains(out, text) {
			return fmt.Errorf("it printed:\n%s\n%s", out, n.err.String())
		}
		return nil
	})
}

func (n *natter) types(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if _, err := fmt.Fprintln(n.in, line); err != nil {
			t.Fatalf("type %q: %v; it said %s", line, err, n.err.String())
		}
	}
}

// ends closes the input and waits for the exit code.
func (n *natter) ends(t *testing.T, want int) {
	t.Helper()
	_ = n.in.Close()
	_ = n.Wait()
	if got := n.ProcessState.ExitCode(); got != want {
		t.Errorf("exit code %d, want %d; it printed:\n%s\n%s", got, want, n.out.String(), n.err.String())
	}
}

// The conversation of `natter demo`: its own check is the test.
func TestDemo(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *system) {
		n := s.natter(t, "demo")
		n.ends(t, 0)
		for _, want := range []string{"ana saw", "-- the connection is lost --", "-- back online --", "I bring cake.", "ok: 11 events"} {
			if !strings.Contains(n.out.String(), want) {
				t.Errorf("the demo does not show %q:\n%s", want, n.out.String())
			}
		}
	})
}

// Two people chat by pipes, as scripts would.
func TestChatInTheTerminal(t *testing.T) {
	t.Parallel()
	s := startOne(t)
	ana := s.natter(t, "chat", "--user", "ana@example.com", "--register", "--room", "lobby")
	ana.says(t, "Signed in as ana")
	ana.says(t, "* room lobby created")
	ana.types(t, "hello", "//not a command")
	ana.says(t, "ana: /not a command")

	ben := s.natter(t, "chat", "--user", "ben@example.com", "--register", "--room", "lobby", "--name", "Ben")
	ben.says(t, "ana: hello")
	ben.says(t, "ana: /not a command")
	ana.says(t, "· Ben is a member (member)")
	ben.types(t, "/reply 2 hi \x1b[2J", "/react 2 👍", "/who")
	ana.says(t, "Ben → ana “hello”: hi \ufffd[2J")
	ana.says(t, "Ben put 👍 on #2 “hello” [👍 1]")
	ben.says(t, "  ana (owner)")
	ana.types(t, "/edit 2 hello all", "/delete #3", "/rooms", "/help")
	ben.says(t, "ana: hello all (edited) [👍 1]")
	ben.says(t, "· ana deleted #3")
	ana.says(t, "* lobby  public, 2 members")
	ana.says(t, "/quit")
	if out := ana.out.String(); strings.Count(out, "ana: hello\n") != 1 {
		t.Errorf("ana saw her message not once:\n%s", out)
	}
	ben.types(t, "/thread 2", "in the thread", "/thread", "hi @ana")
	ana.says(t, "Ben in thread #2: in the thread")
	ana.says(t, "Ben: hi @ana")
	ana.types(t, "/topic tea", "/role ben moderator", "/mute Ben 5", "/mute ben 0", "/pin 2")
	ben.says(t, "· ana changed the room: lobby – “tea”")
	ben.says(t, "· Ben is now moderator, by ana")
	ben.says(t, "· Ben is muted until")
	ben.says(t, "· ana pinned #2 “hello all”")
	ben.types(t, "/edits 2")
	ben.says(t, " hello all\n")
	eventually(t, "a search", func() error {
		ben.types(t, "/search -bye hell")
		if !strings.Contains(ben.out.String(), "  lobby | ") {
			return errors.New("nothing is found")
		}
		return nil
	})
	ben.types(t, "/edit 2 not mine", "/nonsense", "/delete x")
	ben.says(t, "* not done: edit #2")
	ben.says(t, "there is no command /nonsense")
	ben.says(t, "it goes like this: /delete <#>")
	ben.ends(t, 1) // a script must learn that something was refused
	ana.types(t, "bye")
	ana.ends(t, 0)
	if out := ana.out.String(); !strings.Contains(out, "ana: bye\n") {
		t.Errorf("the last line was not awaited:\n%s", out)
	}

	// Once more: the account is there, and the history is as it was left.
	again := s.natter(t, "chat", "--user", "ben@example.com", "--room", "lobby", "--follow")
	again.says(t, "* lobby, 2 members – “tea”")
	again.says(t, "ana: hello all (edited) [pinned] [👍 1] [1 reply]")
	again.says(t, "──── 1 unread ────")
	again.says(t, "ana: (deleted)")
	again.says(t, "ana: bye")
	s.gateways[0].kill()
	again.says(t, "* the connection is lost")
	again.types(t, "typed while away")
	s.gateways[0].start(t)
	again.says(t, "* back online")
	again.says(t, "Ben: typed while away")
	again.types(t, "/quit")
	again.ends(t, 0)

	wrong := s.natter(t, "chat", "--user", "nobody@example.com")
	wrong.ends(t, 1)
	if !strings.Contains(wrong.err.String(), "--register") {
		t.Errorf("a wrong password is answered with %s", wrong.err.String())
	}
}
