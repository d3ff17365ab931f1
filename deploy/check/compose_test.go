package check

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads docker-compose.yml as `docker compose` does, with the variables of an env file; "": none.
func compose(t *testing.T, envFile string) *types.Project {
	t.Helper()
	p, err := loadCompose(t, envFile)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadCompose(t *testing.T, envFile string) (*types.Project, error) {
	t.Helper()
	with := []cli.ProjectOptionsFn{cli.WithWorkingDirectory(root)}
	if envFile != "" {
		with = append(with, cli.WithEnvFiles(envFile), cli.WithDotEnv)
	}
	opts, err := cli.NewProjectOptions([]string{root + "/docker-compose.yml"}, with...)
	if err != nil {
		t.Fatal(err)
	}
	return opts.LoadProject(t.Context())
}

// Every service is hardened, limited, checked, and starts after what it needs is healthy.
func TestCompose(t *testing.T) {
	t.Parallel()
	p := compose(t, installation(t))
	stages := dockerfile(t)
	for name, s := range p.Services {
		if !s.ReadOnly || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" || len(s.SecurityOpt) != 1 || s.Privileged {
			t.Errorf("%s may do more than it needs", name)
		}
		if s.Deploy == nil || s.Deploy.Resources.Limits == nil || s.Deploy.Resources.Limits.MemoryBytes == 0 || s.Deploy.Resources.Limits.NanoCPUs == 0 {
			t.Errorf("%s has no limits", name)
		}
		if s.Build != nil {
			if _, ok := stages[s.Build.Target]; !ok || s.Build.Target != name {
				t.Errorf("%s is built as %q, which the Dockerfile does not have", name, s.Build.Target)
			}
		} else {
			if !pinned.MatchString(s.Image) {
				t.Errorf("%s: the version of %s is open", name, s.Image)
			}
			if s.HealthCheck == nil {
				t.Errorf("%s has no health check", name)
			}
		}
		for on, d := range s.DependsOn {
			if d.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s does not wait until %s is healthy", name, on)
			}
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == types.VolumeTypeBind && err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
	for _, name := range []string{"message-store", "edge-gateway"} {
		if s := p.Services[name]; s.GetScale() != 2 {
			t.Errorf("%d of %s, want 2", s.GetScale(), name)
		}
	}
}

// pinned is an image with a version, not with a name for whatever is newest.
var pinned = regexp.MustCompile(`:v?\d+\.\d+(\.\d+)?[^:]*$`)

// A container has the time to stop that its process takes.
func TestComposeHasTimeToStop(t *testing.T) {
	t.Parallel()
	p := compose(t, installation(t))
	for _, s := range services {
		grace := duration(t, *p.Services[s].Environment["NATTER_SHUTDOWN_GRACE"])
		if given := p.Services[s].StopGracePeriod; given == nil || duration(t, given.String()) <= grace {
			t.Errorf("%s is killed after %v, but may take %s", s, given, grace)
		}
	}
}

// Without `make env` it says so; and no secret stands in the file.
func TestComposeHasNoSecrets(t *testing.T) {
	t.Parallel()
	if _, err := loadCompose(t, ""); err == nil || !strings.Contains(err.Error(), "run make env") {
		t.Errorf("without variables: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^\s+\w*(PASSWORD|KEY|NKEY\w*|SECRET\w*|POSTGRES_URL|MONGODB_URL): .*$`).FindAllString(string(text), -1) {
		if !strings.Contains(line, "${") {
			t.Errorf("a secret in docker-compose.yml: %s", line)
		}
	}
}
