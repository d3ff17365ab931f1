package check

import (
	"bytes"
	"testing"

	"github.com/zegl/kube-score/config"
	ks "github.com/zegl/kube-score/domain"
	"github.com/zegl/kube-score/parser"
	"github.com/zegl/kube-score/score"
	"github.com/zegl/kube-score/score/checks"
	"github.com/zegl/kube-score/scorecard"
)

// What kube-score wants and these manifests do not do, each with its reason. Single objects say it in an annotation.
var ignored = map[string]struct{}{
	"container-image-pull-policy":          {}, // Always: a registry that is away would keep pods from starting; tags are not moved
	"deployment-has-host-podantiaffinity":  {}, // the topology spread does it, and lets two share a node when there is one
	"statefulset-has-host-podantiaffinity": {},
}

func TestKubeScore(t *testing.T) {
	t.Parallel()
	for name := range overlays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			for _, o := range render(t, name) {
				text.WriteString("---\n")
				text.Write(o.text)
				text.WriteString("\n")
			}
			for _, problem := range lint(t, text.Bytes()) {
				t.Error(problem)
			}
		})
	}
}

// The linter finds something.
func TestKubeScoreFinds(t *testing.T) {
	t.Parallel()
	const careless = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: x:latest}]}\n"
	if problems := lint(t, []byte(careless)); len(problems) < 3 {
		t.Errorf("of a careless pod it says %q", problems)
	}
}

type file struct{ *bytes.Reader }

func (file) Name() string { return "rendered.yaml" }

func lint(t *testing.T, text []byte) (problems []string) {
	t.Helper()
	p, err := parser.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := p.ParseFiles([]ks.NamedReader{file{bytes.NewReader(text)}})
	if err != nil {
		t.Fatal(err)
	}
	run := &config.RunConfiguration{
		// A limit on CPU stops a service for parts of every 100 ms, which is what its latencies are made of.
		IgnoreContainerCpuLimitRequirement: true,
		UseIgnoreChecksAnnotation:          true,
		KubernetesVersion:                  config.Semver{Major: 1, Minor: 30},
		MinReplicasDeployment:              2, MinReplicasHPA: 2,
	}
	card, err := score.Score(objects, score.RegisterAllChecks(objects, &checks.Config{IgnoredTests: ignored}, run), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range *card {
		for _, c := range o.Checks {
			if c.Skipped || c.Grade >= scorecard.GradeAlmostOK {
				continue
			}
			said := o.TypeMeta.Kind + " " + o.ObjectMeta.Name + ": " + c.Check.ID + ": " + c.Check.Name
			for _, comment := range c.Comments {
				said += "\n\t" + comment.Path + ": " + comment.Summary
			}
			problems = append(problems, said)
		}
	}
	return problems
}
