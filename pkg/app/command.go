package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Command is what a binary does instead of serving when its first arguments are these words, with the settings that follow.
type Command struct {
	// Words are such as "search rebuild".
	Words string
	// Help is one line.
	Help string
	// Run does it until ctx ends and tells people about it on stdout. Of d it gets Config, Log and Metrics, which nobody
	// reads.
	Run func(ctx context.Context, d *Deps, stdout io.Writer) error
}

// command is the one that the arguments of a process begin with, and those after it; nil: none.
func command(components []Component, args []string) (c *Command, rest []string) {
	for _, component := range components {
		for _, c := range component.Commands {
			words := strings.Fields(c.Words)
			if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
				return &c, args[len(words):]
			}
		}
	}
	return nil, args
}

// writeCommands adds the commands to the help of a binary.
func writeCommands(w io.Writer, binary string, components []Component) {
	for _, component := range components {
		for _, c := range component.Commands {
			_, _ = fmt.Fprintf(w, "%s %s [flags]: %s.\n\n", binary, c.Words, c.Help)
		}
	}
}
