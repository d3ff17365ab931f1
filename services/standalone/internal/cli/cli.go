// Package cli is the commands of the natter binary that are clients of a running server: `natter chat`, a terminal
// client, `natter demo`, a scripted conversation, and `natter load`, a load generator. The first two know of the server what
// the Go SDK (pkg/client) offers. `natter keys` is no client: it works on the server's database.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/natter-chat/natter/pkg/client"
	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/pkg/fault"
)

// Process is a command's surroundings; tests make their own.
type Process struct {
	Args           []string // after the command's name
	Environ        []string // as os.Environ
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Settings are what the commands read from the environment; flags win.
type Settings struct {
	Server   string `env:"NATTER_SERVER" envDefault:"http://localhost:8080" help:"address of the server that natter chat, demo and load use"`
	User     string `env:"NATTER_USER" help:"e-mail address that natter chat signs in with"`
	Password string `env:"NATTER_PASSWORD" help:"password that natter chat signs in with; asked for when empty" secret:"true"`
}

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

// errUsage says that flags do not fit; what is wrong has been printed.
var errUsage = errors.New("usage")

// command is the frame of one: its help, its flags, and its exit code.
type command struct {
	name  string
	help  string // printed before the flags
	flags func(*flag.FlagSet, *Settings)
	run   func(context.Context, Settings) error
}

func (c command) main(ctx context.Context, p Process) int {
	var settings Settings
	source, err := config.FromEnviron(p.Environ)
	if err := errors.Join(err, source.Load(&settings)); err != nil {
		_, _ = fmt.Fprintf(p.Stderr, "natter %s: %v\n", c.name, err)
		return exitUsage
	}
	err = c.parse(p, &settings)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	switch err := c.run(ctx, settings); {
	case errors.Is(err, errUsage):
		return exitUsage
	case err != nil:
		_, _ = fmt.Fprintf(p.Stderr, "natter %s: %s\n", c.name, explain(err, settings.Server))
		return exitFail
	}
	return exitOK
}

// parse reads the flags. Help was asked for: it is an answer and goes to stdout. A wrong flag: stderr.
func (c command) parse(p Process, settings *Settings) error {
	fs := flag.NewFlagSet("natter "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.flags(fs, settings)
	err := fs.Parse(p.Args)
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintf(p.Stdout, "%s\nFlags:\n", c.help)
		fs.SetOutput(p.Stdout)
		fs.PrintDefaults()
		return err
	}
	if err != nil {
		_, _ = fmt.Fprintf(p.Stderr, "natter %s: %v\nRun `natter %s --help` for the flags and examples.\n", c.name, err, c.name)
	}
	return err
}

// explain says what went wrong and what to do next.
func explain(err error, server string) string {
	if f, ok := errors.AsType[*client.Error](err); ok {
		return sentence(f)
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Sprintf("no server answers at %s.\nStart one with `natter` (or `make run`), or name another one with --server.", server)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("%s does not answer in time: %v.\nSee whether it is well with `curl` on /readyz of its admin port.", server, err)
	}
	return err.Error()
}

// sentence is a server's refusal for people.
func sentence(f *client.Error) string {
	text := f.Message
	if f.Field != "" && !strings.Contains(text, f.Field) {
		text = f.Field + ": " + text
	}
	switch {
	case f.RetryAfter > 0:
		text += fmt.Sprintf(" (try again in %v)", f.RetryAfter)
	case f.Field == "username":
		text += " (--name chooses another)"
	case f.Code == fault.Unauthenticated:
		text += " (check e-mail and password; `--register` creates an account)"
	}
	return text
}
