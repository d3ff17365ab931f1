package check

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every setting that a manifest or docker-compose.yml gives to a service is one that this service has, with a value that it takes.
func TestServicesTakeTheirSettings(t *testing.T) {
	t.Parallel()
	secrets := byKind(installationSecrets(t), "Secret")
	for overlay := range overlays {
		objects := render(t, overlay)
		for name, secret := range secrets {
			objects = append(objects, object{Kind: "Secret", Metadata: secret.Metadata, Data: secrets[name].StringData})
		}
		for service, d := range byKind(objects, "Deployment") {
			t.Run(overlay+"/"+service, func(t *testing.T) {
				t.Parallel()
				accepts(t, service, environment(t, objects, d.Spec.Template.Spec.Containers[0]))
			})
		}
	}
	project := compose(t, installation(t))
	for _, service := range services {
		t.Run("compose/"+service, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for name, value := range project.Services[service].Environment {
				env[name] = *value
			}
			accepts(t, service, env)
		})
	}
}

// The binaries refuse what does not fit.
func TestServicesRefuse(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{
		"misspelt": {"NATTER_NATS_ULR=nats://nats"}, "of another service": {"NATTER_DRAIN_WINDOW=1s"}, "of no use": {"NATTER_SHUTDOWN_GRACE=soon"},
	} {
		key, value, _ := strings.Cut(env[0], "=")
		if problems := misfits(t, "auth", map[string]string{key: value}); problems == "" {
			t.Errorf("a setting that is %s is not found", name)
		}
	}
}

func accepts(t *testing.T, binary string, env map[string]string) {
	t.Helper()
	if problems := misfits(t, binary, env); problems != "" {
		t.Error(problems)
	}
}

// misfits asks a binary what is wrong with the NATTER_* variables of an environment.
func misfits(t *testing.T, binary string, env map[string]string) (problems string) {
	t.Helper()
	path := filepath.Join(root, "bin", binary)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("run `make build` first: %v", err)
	}
	help, err := exec.CommandContext(t.Context(), path, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`NATTER_[A-Z0-9_]+`).FindAllString(string(help), -1)
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, "NATTER_") {
			continue
		}
		environ = append(environ, name+"="+env[name])
		if !slices.Contains(own, name) {
			problems += name + " is no setting of " + binary + "\n"
		}
	}
	// With settings that fit, it asks itself whether it is ready: nobody is there.
	cmd := exec.CommandContext(t.Context(), path, "--health", "--admin-addr=127.0.0.1:1")
	cmd.Env = environ
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 1 || !bytes.Contains(out, []byte("not ready")) {
		problems += string(out)
	}
	return problems
}

// environment is what a container sees, in the order in which Kubernetes puts it together.
func environment(t *testing.T, objects []object, c container) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		if r := from.ConfigMapRef; r != nil {
			maps.Copy(env, byKind(objects, "ConfigMap")[r.Name].Data)
		}
		if r := from.SecretRef; r != nil {
			maps.Copy(env, byKind(objects, "Secret")[r.Name].Data)
		}
	}
	for _, e := range c.Env {
		env[e.Name] = e.Value
	}
	return env
}

// installation is what `make env` writes.
func installation(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "env")
	text := script(t, "deploy/env.sh")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// installationSecrets are the Secrets that are made of it.
func installationSecrets(t *testing.T) []object {
	t.Helper()
	return parse(t, bytes.TrimPrefix(script(t, "k8s/secrets.sh", installation(t)), []byte("---\n")))
}

func script(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "./"+name, args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v %s", name, err, stderr.String())
	}
	return out
}
