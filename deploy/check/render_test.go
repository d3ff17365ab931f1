package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing")

const root = "../.."

// overlays are what people apply; the last one has every component.
var overlays = map[string]string{
	"dev":  root + "/k8s/overlays/dev",
	"prod": root + "/k8s/overlays/prod",
	"all":  "testdata/all",
}

// object is one rendered object, as far as these tests read it; text is all of it.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas *int
		Strategy struct{ RollingUpdate struct{ MaxUnavailable any } }
		Template struct{ Spec podSpec }
	}
	Data map[string]string
	// StringData is of the Secrets that k8s/secrets.sh prints.
	StringData map[string]string

	text []byte
}

type podSpec struct {
	TerminationGracePeriodSeconds int
	EnableServiceLinks            *bool
	AutomountServiceAccountToken  *bool
	Containers                    []container
}

type container struct {
	Name      string
	Image     string
	EnvFrom   []struct{ ConfigMapRef, SecretRef *struct{ Name string } }
	Env       []struct{ Name, Value string }
	Lifecycle struct {
		PreStop struct{ Sleep struct{ Seconds int } }
	}
}

// pods are the objects that make pods.
func (o object) pods() bool { return o.Kind == "Deployment" || o.Kind == "StatefulSet" }

func render(t *testing.T, overlay string) []object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlays[overlay])
	if err != nil {
		t.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t *testing.T, text []byte) []object {
	t.Helper()
	var all []object
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		o := object{text: doc}
		if err := yaml.Unmarshal(doc, &o); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		all = append(all, o)
	}
	return all
}

// byKind returns the names of the objects of a kind.
func byKind(objects []object, kind string) map[string]object {
	found := map[string]object{}
	for _, o := range objects {
		if o.Kind == kind {
			found[o.Metadata.Name] = o
		}
	}
	return found
}

// generated are the ConfigMaps that hold files of deploy/, with the hash of these in their name. The golden files leave them out,
// as the alerts: who changes those has changed no manifest.
var generated = regexp.MustCompile(`\b(nats-config|mongodb-scripts)-[a-z0-9]{10}\b`)

// A change of a base shows what it does to every overlay.
func TestOverlaysRender(t *testing.T) {
	t.Parallel()
	for name := range overlays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text [][]byte
			for _, o := range render(t, name) {
				if o.Kind != "PrometheusRule" && (o.Kind != "ConfigMap" || !generated.MatchString(o.Metadata.Name)) {
					text = append(text, generated.ReplaceAll(o.text, []byte("$1-hash")))
				}
			}
			golden(t, filepath.Join("testdata", name+".yaml"), string(bytes.Join(text, []byte("\n---\n"))))
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date: run `make operations-golden`, and look at what changes", path)
	}
}

// The rules are written once, as Prometheus reads them; the operator's object is made of them.
func TestRulesOfTheOperator(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(root + "/deploy/prometheus/rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	var groups []any
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var rules struct{ Groups []any }
		if err := yaml.UnmarshalStrict(text, &rules); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		groups = append(groups, rules.Groups...)
	}
	text, err := yaml.Marshal(map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
		"metadata": map[string]any{"name": "natter"}, "spec": map[string]any{"groups": groups},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, root+"/k8s/components/monitoring/rules.yaml", "# Made of deploy/prometheus/rules by `make operations-golden`.\n"+string(text))
}
