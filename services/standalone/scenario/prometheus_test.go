package scenario

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const deploy = "../../../deploy/"

// mayBeEmpty are parts of expressions without data in a system that is well and does little, and why.
var mayBeEmpty = map[string]string{
	"certificate_expires_timestamp_seconds": "the load balancer ends TLS here",
	`_seconds_count{code=~"5.."}`:           "no request fails",
	`code!="ok"`:                            "nor does a call",
	"refused_commands_total":                "nor a command",
	"throttled_total":                       "nobody guesses passwords",
	"limited_total":                         "nobody reaches a limit",
	`outcome!="ok"`:                         "no command fails",
	"count by (job, check) (natter_ready":   "everything is ready",
	`resumes_total{outcome="caught_up"}`:    "depends on who came back, and when",
}

// TestPrometheus watches the services apart with a real Prometheus, by the configuration, the rules and the dashboards of
// deploy/, while people chat: every expression evaluates, and has data unless there is a reason for it not to. It is part of
// `make operations`, which installs Prometheus.
func TestPrometheus(t *testing.T) {
	if os.Getenv("NATTER_TEST_PROMETHEUS") == "" {
		t.Skip("make operations runs it")
	}
	t.Parallel()
	s := startApart(t)
	p := startPrometheus(t, s)
	for range 2 { // what happens once between two looks has no rate
		if out, err := exec.CommandContext(t.Context(), filepath.Join(binaries, "natter"), "demo", "--server", s.url).CombinedOutput(); err != nil {
			t.Fatalf("natter demo: %v\n%s", err, out)
		}
	}
	expressions := append(p.rules(t), dashboards(t)...)
	var missing []string
	eventually(t, "there is data", func() error {
		missing = missing[:0]
		for _, e := range expressions {
			found, err := p.query(e.expr)
			if err != nil {
				t.Fatalf("%s: %s: %v", e.where, e.expr, err)
			}
			if found == 0 && e.isDrawn && !isExcused(e.expr) {
				missing = append(missing, e.where+": "+e.expr)
			}
		}
		if len(missing) > 0 {
			return fmt.Errorf("%d expressions have no data:\n%s", len(missing), strings.Join(missing, "\n"))
		}
		return nil
	})
	for part, why := range mayBeEmpty {
		if !slices.ContainsFunc(expressions, func(e expression) bool { return strings.Contains(e.expr, part) }) {
			t.Errorf("nobody asks for %s any more (%s)", part, why)
		}
	}
	t.Logf("%d expressions evaluated", len(expressions))
	if alerts, err := p.query(`ALERTS{alertstate="firing"}`); err != nil || alerts != 0 {
		t.Errorf("%d alerts of a system that is well: %v", alerts, err)
	}
}

func isExcused(expr string) bool {
	for part := range mayBeEmpty {
		if strings.Contains(expr, part) {
			return true
		}
	}
	return false
}

// expression is one of a dashboard (isDrawn: somebody looks at it) or of a rule.
type expression struct {
	where, expr string
	isDrawn     bool
}

// dashboards are the expressions of all of them, as Grafana asks.
func dashboards(t *testing.T) (all []expression) {
	t.Helper()
	files, err := filepath.Glob(deploy + "grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				all = append(all, expression{filepath.Base(file) + ": " + panel.Title, strings.ReplaceAll(target.Expr, "$__rate_interval", "1m"), true})
			}
		}
	}
	return all
}

// prometheus is a running one.
type prometheus struct{ url string }

// startPrometheus starts the machine's Prometheus with deploy's configuration, but for where the services are, and how often
// it looks.
func startPrometheus(t *testing.T, s *system) *prometheus {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("%v: apt-get install prometheus", err)
	}
	text, err := os.ReadFile(deploy + "prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := filepath.Abs(deploy + "prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	p := &prometheus{"http://" + freeAddr(t)}
	targets := map[string][]string{"localhost:9090": {strings.TrimPrefix(p.url, "http://")}}
	for _, process := range s.processes {
		targets[process.binary] = append(targets[process.binary], process.admin)
	}
	config := strings.NewReplacer("15s\n", "1s\n", "rules/*.yml", rules+"/*.yml").Replace(string(text))
	found := regexp.MustCompile(`(dns_sd|static)_configs: \[\{ (?:names|targets): \["?([^]"]+)"?\].*\}\]`)
	config = found.ReplaceAllStringFunc(config, func(line string) string {
		name := found.FindStringSubmatch(line)[2]
		if targets[name] == nil {
			t.Errorf("prometheus.yml watches %s, which does not run", name)
		}
		addresses, _ := json.Marshal(targets[name])
		delete(targets, name)
		return fmt.Sprintf("static_configs: [{ targets: %s }]", addresses)
	})
	if len(targets) > 0 || !strings.Contains(config, "scrape_interval: 1s") || !strings.Contains(config, rules) {
		t.Fatalf("prometheus.yml does not watch %v, or has another form:\n%s", targets, config)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	cmd := exec.Command(binary, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+strings.TrimPrefix(p.url, "http://"))
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus said, at last:\n%s", log.tail())
		}
	})
	eventually(t, "Prometheus sees all processes", func() error {
		up, err := p.query("up == 1")
		if err == nil && up != len(s.processes)+1 {
			err = fmt.Errorf("%d of %d", up, len(s.processes)+1)
		}
		return err
	})
	return p
}

// query evaluates an expression now, and returns how many series it has.
func (p *prometheus) query(expr string) (series int, err error) {
	var answer struct{ Result []json.RawMessage }
	err = p.get("/api/v1/query?query="+url.QueryEscape(expr), &answer)
	return len(answer.Result), err
}

// rules are the expressions of all rules that Prometheus loaded; none of them fails there.
func (p *prometheus) rules(t *testing.T) (all []expression) {
	t.Helper()
	var answer struct {
		Groups []struct {
			Rules []struct{ Name, Query, Health, LastError string }
		}
	}
	eventually(t, "every rule was evaluated", func() error {
		answer.Groups = nil
		if err := p.get("/api/v1/rules", &answer); err != nil {
			return err
		}
		for _, group := range answer.Groups {
			for _, r := range group.Rules {
				switch r.Health {
				case "ok":
				case "err":
					t.Fatalf("%s: %s", r.Name, r.LastError)
				default:
					return errors.New(r.Name + " was not")
				}
			}
		}
		return nil
	})
	for _, group := range answer.Groups {
		for _, r := range group.Rules {
			all = append(all, expression{where: r.Name, expr: r.Query, isDrawn: strings.Contains(r.Name, ":")})
		}
	}
	return all
}

// get asks the HTTP API; what it warns of is an error, too.
func (p *prometheus) get(path string, data any) error {
	res, err := http.Get(p.url + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer := struct {
		Status, Error string
		Warnings      []string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" || len(answer.Warnings) > 0 {
		return fmt.Errorf("%s %q", answer.Error, answer.Warnings)
	}
	return nil
}
