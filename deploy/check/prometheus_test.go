package check

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Prometheus' own tool takes the configuration and the rules, and the rules pass their tests. That their expressions have
// data is tested with a running system: see TestPrometheus in services/standalone/scenario.
func TestPromtool(t *testing.T) {
	t.Parallel()
	tests, err := filepath.Glob(root + "/deploy/prometheus/tests/*.yml")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	for name, args := range map[string][]string{
		"config": {"check", "config", root + "/deploy/prometheus/prometheus.yml"}, // and the rules in it
		"alerts": append([]string{"test", "rules"}, tests...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// Every alert says how urgent it is and what it means, and leads to its part of the runbook; nothing else is in there.
func TestRunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/deploy/RUNBOOK.md")
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^## (Natter\w+)$`).FindAllStringSubmatch(string(text), -1) {
		described[heading[1]] = true
	}
	files, err := filepath.Glob(root + "/deploy/prometheus/rules/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var rules struct {
			Groups []struct {
				Rules []struct {
					Alert               string
					Labels, Annotations map[string]string
				}
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &rules); err != nil {
			t.Fatal(err)
		}
		for _, group := range rules.Groups {
			for _, r := range group.Rules {
				if r.Alert == "" {
					continue
				}
				if !described[r.Alert] {
					t.Errorf("RUNBOOK.md says nothing of %s", r.Alert)
				}
				delete(described, r.Alert)
				if !strings.HasSuffix(r.Annotations["runbook_url"], "/deploy/RUNBOOK.md#"+strings.ToLower(r.Alert)) {
					t.Errorf("%s leads to %s", r.Alert, r.Annotations["runbook_url"])
				}
				if s := r.Labels["severity"]; s != "page" && s != "ticket" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
					t.Errorf("%s: severity %q, %v", r.Alert, s, r.Annotations)
				}
			}
		}
	}
	for name := range described {
		t.Errorf("RUNBOOK.md describes %s, which is no alert", name)
	}
}

// Grafana finds every dashboard by an id of its own, and takes any data source.
func TestDashboards(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/deploy/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board struct {
			UID, Title string
			ID         any
			Panels     []struct {
				ID          int
				Type, Title string
				Datasource  struct{ UID string }
				GridPos     struct{ X, Y, W, H int }
				FieldConfig struct{ Defaults struct{ Unit string } }
				Targets     []struct{ RefID, Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if board.UID != "natter-"+name || board.Title == "" || board.ID != nil {
			t.Errorf("%s has the uid %q, the title %q, the id %v", name, board.UID, board.Title, board.ID)
		}
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range board.Panels {
			if ids[p.ID] || p.Title == "" {
				t.Errorf("%s: the id %d of %q is not its own", name, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s: %q lies on %q, or beside the dashboard", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" || p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s: %q has %d expressions, the data source %q, the unit %q", name, p.Title, len(p.Targets), p.Datasource.UID, p.FieldConfig.Defaults.Unit)
			}
		}
	}
}
