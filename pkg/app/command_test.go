package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	type settings struct {
		Size int `env:"NATTER_TEST_SIZE" envDefault:"1" help:"size"`
	}
	component := Component{
		Name: "c", Settings: settings{},
		New: func(context.Context, *Deps) (Runner, error) { return nil, errors.New("it serves") },
		Commands: []Command{{Words: "do it", Help: "does it", Run: func(_ context.Context, d *Deps, stdout io.Writer) error {
			var cfg settings
			if err := d.Config.Load(&cfg); err != nil {
				return err
			}
			if cfg.Size > 2 {
				return errors.New("too large")
			}
			_, err := fmt.Fprint(stdout, "done ", cfg.Size)
			return err
		}}},
	}
	for _, tt := range []struct {
		args         string
		code         int
		stdout, errs string
	}{
		{"do it", 0, "done 1", ""},
		{"do it --test-size 2", 0, "done 2", ""},
		{"do it --test-size 3", 1, "", "bin do it: too large"},
		{"do it now", 2, "", `unexpected argument "now"`},
		{"do", 2, "", `unexpected argument "do"`},
		{"", 1, "", "it serves"},
		{"--help", 0, "bin do it [flags]: does it.", ""},
	} {
		var stdout, stderr buffer
		p := process(t)
		p.Args, p.Stdout, p.Stderr = append(p.Args, strings.Fields(tt.args)...), &stdout, &stderr
		if strings.HasPrefix(tt.args, "d") {
			p.Args = strings.Fields(tt.args)
		}
		code := Run(t.Context(), p, "bin", component)
		if code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.errs) {
			t.Errorf("%q: exit %d, %q, %q", tt.args, code, stdout.String(), stderr.String())
		}
	}
}
