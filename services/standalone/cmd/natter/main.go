// Command natter is all of Natter in one program: without a word it serves, `natter chat`, `natter demo` and `natter load` are clients,
// `natter keys` and `natter nkeys` are for operators.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/natter-chat/natter/pkg/app"
	"github.com/natter-chat/natter/services/standalone"
	"github.com/natter-chat/natter/services/standalone/internal/cli"
)

const usage = `Natter is a self-hosted chat system.

  natter                serve: everything in this one process, data in ./data
  natter chat  --help   chat in a terminal
  natter demo  --help   watch three users talk
  natter load  --help   put many users on a server and measure it
  natter keys  --help   list, rotate and revoke the keys that sign access tokens
  natter nkeys --help   make the keys by which the services sign in to NATS
  natter search rebuild make the search index anew; takes the settings of the server
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string) int {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		p := cli.Process{Args: args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
		switch args[0] {
		case "chat":
			return cli.Chat(ctx, p)
		case "demo":
			return cli.Demo(ctx, p)
		case "load":
			return cli.Load(ctx, p)
		case "keys":
			return cli.Keys(ctx, p)
		case "nkeys":
			return cli.NKeys(ctx, p)
		case "search":
			return serve(ctx, args)
		}
		_, _ = fmt.Fprintf(os.Stderr, "natter: there is no command %q.\n\n%s", args[0], usage)
		return 2
	}
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		_, _ = fmt.Print(usage, "\n")
	}
	return serve(ctx, args)
}

// serve runs the server, or a command that works on its data.
func serve(ctx context.Context, args []string) int {
	return app.Run(ctx, app.Process{Args: args, Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}, "natter",
		standalone.Components(os.Args[0], os.Stdout)...)
}
