package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile returns the stages of the Dockerfile by name. What BuildKit's linter says of its instructions is an error.
func dockerfile(t *testing.T) map[string]instructions.Stage {
	t.Helper()
	f, err := os.Open(root + "/deploy/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	warn := func(rule, _, _, text string, at []parser.Range) {
		t.Errorf("Dockerfile:%d: %s: %s", at[0].Start.Line, rule, text)
	}
	list, _, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{Warn: warn}))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]instructions.Stage{}
	for _, s := range list {
		stages[s.Name] = s
	}
	return stages
}

// There is an image for every binary: of one file that runs as nobody in particular and checks itself.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	for name, s := range stages {
		if _, ours := stages[s.BaseName]; !ours && s.BaseName != "scratch" && !pinned.MatchString(s.BaseName) {
			t.Errorf("%s: the version of %s is open", name, s.BaseName)
		}
		for _, c := range s.Commands {
			from, ok := c.(*instructions.CopyCommand)
			if !ok {
				continue
			}
			if _, stage := stages[from.From]; from.From != "" && !stage {
				t.Errorf("%s copies from a stage %s, which is not there", name, from.From)
			}
			for _, path := range from.SourcePaths {
				if _, err := os.Stat(filepath.Join(root, path)); from.From == "" && err != nil {
					t.Errorf("%s copies what is not there: %v", name, err)
				}
			}
		}
	}
	for _, name := range append(slices.Clone(services), "natter") {
		s, ok := stages[name]
		if !ok {
			t.Errorf("no image of %s", name)
			continue
		}
		var user, entry, health string
		for _, c := range slices.Concat(stages[s.BaseName].Commands, s.Commands) {
			switch c := c.(type) {
			case *instructions.UserCommand:
				user = c.User
			case *instructions.EntrypointCommand:
				entry = strings.Join(c.CmdLine, " ")
			case *instructions.HealthCheckCommand:
				health = strings.Join(c.Health.Test, " ")
			}
		}
		if user != "65532:65532" || entry != "/"+name || health != "CMD /"+name+" --health" {
			t.Errorf("%s runs %q as %q and is checked by %q", name, entry, user, health)
		}
	}
}
