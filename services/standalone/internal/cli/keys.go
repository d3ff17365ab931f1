package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/natter-chat/natter/pkg/config"
	"github.com/natter-chat/natter/services/auth"
)

const keysHelp = `natter keys is for the keys that sign access tokens. They rotate by themselves (NATTER_KEY_ROTATION); this is for when
that is not enough.

  natter keys           list them
  natter keys rotate    begin a rotation now: a quarter of an hour later the servers sign with a new key, and nobody notices
  natter keys revoke    for a key that has leaked, or a lost secret key: a new one signs at once, all others are refused
                        within two minutes. Clients fetch new access tokens; nobody has to sign in again

It works on the server's database, so it must run where that is: it takes the one process's from --data, a cluster's from
NATTER_POSTGRES_URL and NATTER_SECRET_KEY. The server may run meanwhile.
`

// Keys runs `natter keys` and returns the exit code.
func Keys(ctx context.Context, p Process) int {
	do := listKeys
	if len(p.Args) > 0 {
		switch p.Args[0] {
		case "rotate":
			do, p.Args = rotateKeys, p.Args[1:]
		case "revoke":
			do, p.Args = revokeKeys, p.Args[1:]
		}
	}
	var dataDir string
	return command{
		name: "keys", help: keysHelp,
		flags: func(fs *flag.FlagSet, _ *Settings) {
			fs.StringVar(&dataDir, "data", "", "data `directory` of the server (default: NATTER_DATA_DIR, or ./data)")
		},
		run: func(ctx context.Context, _ Settings) error {
			var cfg auth.Config
			source, err := config.FromEnviron(p.Environ)
			if err := errors.Join(err, source.Load(&cfg)); err != nil {
				return err
			}
			if dataDir != "" {
				cfg.DataDir = dataDir
			}
			return do(ctx, cfg, p.Stdout)
		},
	}.main(ctx, p)
}

func listKeys(ctx context.Context, cfg auth.Config, stdout io.Writer) error {
	keys, err := auth.SigningKeys(ctx, cfg)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KEY\tMADE\tSIGNS SINCE\t") // errors are Flush's
	var signs bool
	for _, k := range keys {
		since, state := "", "published"
		if !k.SignsFrom.IsZero() {
			since, state = k.SignsFrom.Format(time.RFC3339), "replaced"
			if !signs {
				signs, state = true, "signs"
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", k.ID, k.CreatedAt.Format(time.RFC3339), since, state)
	}
	return table.Flush()
}

func rotateKeys(ctx context.Context, cfg auth.Config, stdout io.Writer) error {
	if err := findKey(&cfg); err != nil {
		return err
	}
	if err := auth.RotateSigningKeys(ctx, cfg); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, "A new key is published. The servers sign with it in a quarter of an hour.")
	return err
}

func revokeKeys(ctx context.Context, cfg auth.Config, stdout io.Writer) error {
	if err := findKey(&cfg); err != nil {
		return err
	}
	isOtherSecret, err := auth.RevokeSigningKeys(ctx, cfg)
	if err != nil {
		return err
	}
	text := "A new key signs. All others are refused within two minutes."
	if isOtherSecret {
		text += "\nThe keys before it were encrypted under another secret key: restart every auth that runs with that one."
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}
