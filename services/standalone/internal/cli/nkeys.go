package cli

import (
	"context"
	"flag"

	"github.com/natter-chat/natter/pkg/permission"
)

const nkeysHelp = `natter nkeys makes new keys by which the services of a cluster sign in to NATS, and prints them as lines of an environment
file: the seeds NATS_SEED_… are secrets, each for NATTER_NATS_NKEY of one service; the public keys NATS_NKEY_… are for the
environment of the NATS servers, whose configuration includes deploy/nats/users.conf. The one process needs none.

Examples:
  natter nkeys > nats.env
`

// NKeys runs `natter nkeys` and returns the exit code.
func NKeys(ctx context.Context, p Process) int {
	return command{
		name: "nkeys", help: nkeysHelp,
		flags: func(*flag.FlagSet, *Settings) {},
		run:   func(context.Context, Settings) error { return permission.WriteKeys(p.Stdout) },
	}.main(ctx, p)
}
