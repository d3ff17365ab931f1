package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

// Where the schemas come from: modules that carry them as files. Their code is not used: kubectl-validate is half of Kubernetes,
// and what it does with the schemas, a validator for JSON Schema does as well.
const (
	kubernetesSchemas = "sigs.k8s.io/kubectl-validate@v0.0.4"
	kubernetesVersion = "1.30" // the oldest that is supported, and the newest that it has
	operatorSchemas   = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

// Every object is one that the API server takes: no field that it does not know, none missing, none of another type.
func TestObjectsFitTheirSchemas(t *testing.T) {
	t.Parallel()
	s := newSchemas(t)
	for name := range overlays {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, name) {
				if err := s.validate(o.text); err != nil {
					t.Errorf("%s %s: %v", o.Kind, o.Metadata.Name, err)
				}
			}
		})
	}
}

// The schemas find mistakes.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	s := newSchemas(t)
	const good = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  selector: {}\n  template: {spec: {containers: [{name: c}]}}\n"
	if err := s.validate([]byte(good)); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]string{
		"misspelt":     strings.Replace(good, "selector", "replica: 1\n  selector", 1),
		"missing":      strings.Replace(good, "  selector: {}\n", "", 1),
		"of a type":    strings.Replace(good, "selector", "replicas: two\n  selector", 1),
		"deep":         strings.Replace(good, "{name: c}", "{name: c, port: []}", 1),
		"unknown kind": strings.Replace(good, "kind: Deployment", "kind: Deploymint", 1),
		"of an operator": "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\n" +
			"spec: {selector: {}, endpoints: [{prot: admin}]}\n",
	} {
		if err := s.validate([]byte(bad)); err == nil {
			t.Errorf("a field that is %s is not found", name)
		}
	}
}

// schemas are the schemas of one kind each, by apiVersion and kind.
type schemas map[string]*jsonschema.Schema

func (s schemas) validate(text []byte) error {
	var head struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &head); err != nil {
		return err
	}
	schema := s[head.APIVersion+" "+head.Kind]
	if schema == nil {
		return fmt.Errorf("no schema for %s %s", head.APIVersion, head.Kind)
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

func newSchemas(t *testing.T) schemas {
	t.Helper()
	s := schemas{}
	s.addKubernetes(t, filepath.Join(download(t, kubernetesSchemas), "pkg/openapiclient/builtins", kubernetesVersion))
	s.addCustom(t, filepath.Join(download(t, operatorSchemas), "example/prometheus-operator-crd"), "servicemonitors", "prometheusrules")
	return s
}

// download returns the folder of a module.
func download(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module).Output()
	var m struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &m); jsonErr != nil || m.Dir == "" {
		t.Fatalf("download %s: %v %s", module, err, m.Error)
	}
	return m.Dir
}

// addKubernetes adds the kinds of the groups that the manifests use: api/v1.json, apis/<group>/<version>.json.
func (s schemas) addKubernetes(t *testing.T, dir string) {
	t.Helper()
	for _, file := range []string{"api/v1", "apis/apps/v1", "apis/autoscaling/v2", "apis/networking.k8s.io/v1", "apis/policy/v1"} {
		text, err := os.ReadFile(filepath.Join(dir, file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Components struct{ Schemas map[string]any }
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		version := strings.TrimPrefix(strings.TrimPrefix(file, "apis/"), "api/")
		at := map[string]string{} // by apiVersion and kind; they refer to each other
		for name, schema := range doc.Components.Schemas {
			strict(schema)
			for _, kind := range kinds(schema, version) {
				at[version+" "+kind] = "#/components/schemas/" + name
			}
		}
		s.compile(t, file, map[string]any{"components": map[string]any{"schemas": doc.Components.Schemas}}, at)
	}
}

// kinds are the kinds of a version that a schema describes.
func kinds(schema any, version string) (names []string) {
	var described struct {
		Kinds []struct{ Group, Version, Kind string } `json:"x-kubernetes-group-version-kind"`
	}
	text, err := json.Marshal(schema)
	if err != nil || json.Unmarshal(text, &described) != nil {
		return nil
	}
	for _, k := range described.Kinds {
		if strings.TrimPrefix(k.Group+"/"+k.Version, "/") == version {
			names = append(names, k.Kind)
		}
	}
	return names
}

// addCustom adds the kinds of custom resource definitions.
func (s schemas) addCustom(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		file := filepath.Join(dir, "monitoring.coreos.com_"+name+".yaml")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema map[string]any }
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			schema := v.Schema.OpenAPIV3Schema
			strict(schema)
			s.compile(t, name, schema, map[string]string{crd.Spec.Group + "/" + v.Name + " " + crd.Spec.Names.Kind: "#"})
		}
	}
}

// compile adds the schemas of one document, which are at these places of it.
func (s schemas) compile(t *testing.T, name string, doc any, at map[string]string) {
	t.Helper()
	c := jsonschema.NewCompiler()
	url := "file:///" + name + ".json"
	if err := c.AddResource(url, doc); err != nil {
		t.Fatal(err)
	}
	for kind, place := range at {
		schema, err := c.Compile(url + place)
		if err != nil {
			t.Fatal(err)
		}
		s[kind] = schema
	}
}

// strict refuses the fields that an object's schema does not name, as the API server does for `kubectl apply`.
func strict(schema any) {
	switch v := schema.(type) {
	case map[string]any:
		_, object := v["properties"].(map[string]any)
		if _, open := v["additionalProperties"]; object && !open && v["x-kubernetes-preserve-unknown-fields"] != true {
			v["additionalProperties"] = false
		}
		for child := range maps.Values(v) {
			strict(child)
		}
	case []any:
		for _, child := range v {
			strict(child)
		}
	}
}
