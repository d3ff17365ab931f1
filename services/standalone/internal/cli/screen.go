package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// screen is where a conversation is shown and typed. Print and Status may be called while another goroutine reads.
type screen interface {
	// Print shows a line above the one being typed.
	Print(line string)
	// Status shows what is going on beside the typing line.
	Status(status string)
	// ReadLine returns the next line typed; io.EOF at the end.
	ReadLine() (string, error)
	// Ask asks a question; the answer to a secret one is not shown.
	Ask(question string, secret bool) (string, error)
	// Highlight makes a piece of a line stand out.
	Highlight(text string) string
	// Interactive reports whether a person is there to answer.
	Interactive() bool
	// Close gives the terminal back as it was.
	Close()
}

// openScreen takes the terminal over if there is one. typed is called while a line is being typed.
func openScreen(p Process, typed func()) (screen, error) {
	in, inOK := p.Stdin.(*os.File)
	out, outOK := p.Stdout.(*os.File)
	if !inOK || !outOK || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		return &plain{in: bufio.NewScanner(p.Stdin), out: p.Stdout}, nil
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("take over the terminal: %w", err)
	}
	t := &terminal{
		term: term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{in, out}, "> "),
		width:   func() int { w, _, _ := term.GetSize(int(out.Fd())); return max(w, 20) },
		restore: func() { _ = term.Restore(int(in.Fd()), before) },
		prompt:  "> ",
	}
	t.resize()
	t.term.AutoCompleteCallback = func(line string, _ int, key rune) (string, int, bool) {
		if line != "" && key != '\r' && !strings.HasPrefix(line, "/") {
			typed()
		}
		return "", 0, false
	}
	return t, nil
}

// plain is for pipes and scripts: lines in, lines out.
type plain struct {
	in  *bufio.Scanner
	mu  sync.Mutex
	out io.Writer
}

func (s *plain) Print(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintln(s.out, line)
}

func (s *plain) Status(string)                {}
func (s *plain) Highlight(text string) string { return text }
func (s *plain) Interactive() bool            { return false }
func (s *plain) Close()                       {}

func (s *plain) ReadLine() (string, error) {
	if !s.in.Scan() {
		if err := s.in.Err(); err != nil {
			return "", err
		}
		return "", io.EOF
	}
	return s.in.Text(), nil
}

// Ask reads the answer from the next line: nobody would see the question.
func (s *plain) Ask(question string, _ bool) (string, error) {
	answer, err := s.ReadLine()
	if errors.Is(err, io.EOF) {
		return "", fmt.Errorf("%s is needed, and the input has ended: %w", strings.ToLower(question), err)
	}
	return answer, err
}

// terminal is for people.
type terminal struct {
	term    *term.Terminal
	width   func() int
	restore func()

	mu     sync.Mutex
	prompt string
}

func (s *terminal) resize() { _ = s.term.SetSize(s.width(), 24) }

func (s *terminal) Print(line string) { _, _ = fmt.Fprintln(s.term, line) }

// Status redraws the prompt; a write of nothing makes the terminal do so.
func (s *terminal) Status(status string) {
	s.mu.Lock()
	same := s.prompt == status+"> "
	s.prompt = status + "> "
	s.mu.Unlock()
	if !same {
		s.term.SetPrompt(status + "> ")
		_, _ = s.term.Write(nil)
	}
}

// ReadLine takes the typed line off the screen: the message appears above when it is sent.
func (s *terminal) ReadLine() (string, error) {
	s.resize()
	line, err := s.term.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if err == nil {
		s.mu.Lock()
		rows := (len([]rune(s.prompt+line)))/s.width() + 1
		s.mu.Unlock()
		_, _ = s.term.Write([]byte(strings.Repeat("\x1b[1A\x1b[2K", rows)))
	}
	return line, err
}

func (s *terminal) Ask(question string, secret bool) (string, error) {
	if secret {
		return s.term.ReadPassword(question + ": ")
	}
	s.term.SetPrompt(question + ": ")
	defer s.term.SetPrompt("> ")
	return s.term.ReadLine()
}

func (s *terminal) Highlight(text string) string { return "\x1b[1;7m" + text + "\x1b[0m" }
func (s *terminal) Interactive() bool            { return true }
func (s *terminal) Close()                       { _, _ = s.term.Write([]byte("\r\n")); s.restore() }
