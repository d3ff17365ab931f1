package cli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

const demoHelp = `natter demo plays a conversation between three new users on a running server and prints what each of them saw.

Ana, Ben and Cleo register, Ana creates a room, the others join; they send, reply, edit, react, delete. In the middle
Cleo's connection is cut while the others go on and she goes on typing; then she is back, and gets what she missed.
At the end it checks that all three saw the same events in the same order, prints "ok", and exits with 0.

Examples:
  natter demo
  natter demo --server https://chat.example.com
`

// demoTimeout is how long the whole play may take.
const demoTimeout = 60 * time.Second

// Demo runs `natter demo` and returns the exit code.
func Demo(ctx context.Context, p Process) int {
	return command{
		name: "demo", help: demoHelp,
		flags: func(fs *flag.FlagSet, s *Settings) {
			fs.StringVar(&s.Server, "server", s.Server, "`address` of the server (NATTER_SERVER)")
		},
		run: func(ctx context.Context, s Settings) error {
			ctx, cancel := context.WithTimeout(ctx, demoTimeout)
			defer cancel()
			d := &demo{server: s.Server}
			defer d.close()
			err := d.play(ctx)
			printColumns(p.Stdout, d.cast)
			if err != nil {
				return err
			}
			if err := sameOrder(d.cast); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(p.Stdout, "\nok: %d events, in the same order for all three\n", len(d.cast[0].seqs()))
			return nil
		},
	}.main(ctx, p)
}

// sameOrder checks that all saw the same events: dense, and each the same for all.
func sameOrder(cast []*actor) error {
	want := cast[0].seqs()
	for _, a := range cast {
		got := a.seqs()
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s saw events %v, but %s saw %v: this is a bug of Natter, please report it", a.name, got, cast[0].name, want)
		}
		for i, seq := range got {
			if i > 0 && seq != got[i-1]+1 {
				return fmt.Errorf("%s saw event %d after %d: this is a bug of Natter, please report it", a.name, seq, got[i-1])
			}
			if event, first := a.event(seq), cast[0].event(seq); event != first {
				return fmt.Errorf("event %d is %q for %s and %q for %s: this is a bug of Natter, please report it",
					seq, event, a.name, first, cast[0].name)
			}
		}
	}
	return nil
}

// columnWidth fits three columns on a screen of 120 characters.
const columnWidth = 38

// printColumns prints what each saw side by side: an event of the log is one row, what only one of them saw (a lost
// connection, somebody typing) stands where it happened to them.
func printColumns(w io.Writer, cast []*actor) {
	row := func(cells []string) {
		for i, cell := range cells {
			cells[i] = fmt.Sprintf("%-*s", columnWidth, truncate(cell))
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join(cells, "  "), " "))
	}
	logs := make([][]sight, len(cast))
	header := make([]string, len(cast))
	for i, a := range cast {
		logs[i], header[i] = a.sights(), a.name+" saw"
	}
	row(header)
	for {
		cells := make([]string, len(cast))
		seq, left := nextRow(logs)
		if !left {
			return
		}
		for i, log := range logs {
			if len(log) > 0 && log[0].seq == seq {
				cells[i] = log[0].text
				logs[i] = log[1:]
			}
		}
		row(cells)
	}
}

// nextRow is the seq of the next row; 0 while somebody's next sight is no event.
func nextRow(logs [][]sight) (seq uint32, left bool) {
	for _, log := range logs {
		if len(log) > 0 && (!left || log[0].seq < seq) {
			seq, left = log[0].seq, true
		}
	}
	return seq, left
}

func truncate(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if r := []rune(text); len(r) > columnWidth {
		return string(r[:columnWidth-1]) + "…"
	}
	return text
}
