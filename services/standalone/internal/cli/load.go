package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/services/auth"
	"github.com/natter-chat/natter/services/standalone/internal/embedded"
	"github.com/natter-chat/natter/services/standalone/internal/load"
)

const loadHelp = `natter load puts many users on a running server and measures it: throughput, latency, what was lost, doubled or out of
order, and the server's CPU and memory.

  natter load <profile> [flags]

%s
It writes its users and rooms into the server's stores itself and signs their tokens, so it must run where the server's
data is: it takes the one process's from --data, a cluster's from NATTER_POSTGRES_URL and NATTER_SECRET_KEY. Users, rooms
and messages stay: use a server whose data you can throw away, and start it without its limits:

  NATTER_DATA_DIR=/tmp/load NATTER_COMMANDS_PER_SECOND=100000 NATTER_CONNECTIONS_PER_IP=off \
    NATTER_FRAME_RATE_CONNECTION=off NATTER_FRAME_RATE_USER=off NATTER_FRAME_RATE_IP=off natter

Examples:
  natter load fanout --data /tmp/load                               50 rooms of 20, as fast as it goes
  natter load fanout --data /tmp/load --rooms 1 --users 1000        one large room
  natter load fanout --data /tmp/load --rate 10000                  10,000 deliveries a second: how late are they?
  natter load ack    --data /tmp/load --rooms 200                   200 senders, stored and acked
  natter load idle   --data /tmp/load --rooms 200 --json idle.json  memory of 10,000 connections
`

// Load runs `natter load` and returns the exit code.
func Load(ctx context.Context, p Process) int {
	var profiles strings.Builder
	var chosen load.Profile
	for _, profile := range load.Profiles() {
		_, _ = fmt.Fprintf(&profiles, "  %-7s %s\n", profile.Name, profile.What)
		if len(p.Args) > 0 && p.Args[0] == profile.Name {
			chosen = profile
			p.Args = p.Args[1:]
		}
	}
	s := load.Defaults(chosen)
	var stores load.Stores
	var admin, dataDir, output string
	return command{
		name: "load", help: fmt.Sprintf(loadHelp, profiles.String()),
		flags: func(fs *flag.FlagSet, settings *Settings) {
			fs.StringVar(&settings.Server, "server", settings.Server, "`address` of the server (NATTER_SERVER); of several gateways with commas: the clients take turns")
			fs.StringVar(&admin, "admin", strings.Join(s.Admin, ","), "admin `addresses` of the server's processes, with commas; pid:<id> for one that has none; none: do not measure them")
			fs.StringVar(&dataDir, "data", "", "data `directory` of the server (default: NATTER_DATA_DIR, or ./data)")
			fs.StringVar(&output, "json", "", "write the report to this `file`, too; -: to the output, instead of the table")
			fs.BoolVar(&s.JSON, "json-frames", s.JSON, "speak the protocol in JSON; else in protobuf")
			fs.IntVar(&s.Rooms, "rooms", s.Rooms, "`number` of rooms (default: by profile)")
			fs.IntVar(&s.Users, "users", s.Users, "`number` of members of each (default: by profile)")
			fs.IntVar(&s.RoomsPerUser, "rooms-per-user", s.RoomsPerUser, "each user is in this `many` of the rooms")
			fs.DurationVar(&s.Duration, "duration", s.Duration, "`time` to measure")
			fs.DurationVar(&s.WarmUp, "warm-up", s.WarmUp, "`time` before it")
			fs.DurationVar(&s.Settle, "settle", s.Settle, "idle: `time` between the last connection and reading the memory")
			fs.IntVar(&s.Senders, "senders", s.Senders, "fanout: `number` of senders in each room")
			fs.IntVar(&s.Window, "window", s.Window, "fanout: `number` of messages that a sender keeps in flight")
			fs.Float64Var(&s.Rate, "rate", s.Rate, "fanout: `deliveries` a second, on a schedule; 0: as the window allows. chat: messages a second")
			fs.IntVar(&s.Size, "size", s.Size, "`bytes` of a message's content")
			fs.IntVar(&s.Dials, "dials", s.Dials, "`number` of handshakes at a time")
		},
		run: func(ctx context.Context, settings Settings) error {
			if chosen.Name == "" {
				_, _ = fmt.Fprintf(p.Stderr, "natter load: name a profile first:\n\n%s\nRun `natter load --help` for the flags and examples.\n", profiles.String())
				return errUsage
			}
			s.Servers = nil
			for server := range strings.SplitSeq(settings.Server, ",") {
				s.Servers = append(s.Servers, strings.TrimSuffix(server, "/"))
			}
			if admin == "none" || admin == "" {
				s.Admin = nil
			} else {
				s.Admin = strings.Split(admin, ",")
			}
			if err := s.Check(); err != nil {
				return err
			}
			source, err := config.FromEnviron(p.Environ)
			if err := errors.Join(err, source.Load(&stores.Auth), source.Load(&stores.Rooms)); err != nil {
				return err
			}
			if dataDir != "" {
				stores.Auth.DataDir, stores.Rooms.DataDir = dataDir, dataDir
			}
			if err := findKey(&stores.Auth); err != nil {
				return err
			}
			var progress *load.Progress
			if f, ok := p.Stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
				progress = load.NewProgress(f)
			}
			population, err := load.Natter(ctx, s, stores, progress)
			if err != nil {
				return err
			}
			report, err := load.Run(ctx, s, population, progress)
			if err != nil {
				return err
			}
			return writeReport(p, report, output)
		},
	}.main(ctx, p)
}

// findKey completes what is needed to sign tokens with the server's key.
func findKey(cfg *auth.Config) (err error) {
	if cfg.SecretKey != "" {
		return nil
	}
	if cfg.PostgresURL != "" {
		return errors.New("NATTER_SECRET_KEY is not set: set it to the key that auth runs with")
	}
	if cfg.SecretKey, err = embedded.ReadSecret(cfg.DataDir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not the data directory of a running natter: name it with --data (or set NATTER_SECRET_KEY to the key that auth runs with)", cfg.DataDir)
	}
	return err
}

func writeReport(p Process, report *load.Report, output string) error {
	if output != "-" {
		if err := report.WriteTable(p.Stdout); err != nil {
			return err
		}
	}
	if output == "" {
		return nil
	}
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if output == "-" {
		_, err = p.Stdout.Write(text)
		return err
	}
	return os.WriteFile(output, text, 0o600)
}
