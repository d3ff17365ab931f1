package check

import (
	"strings"
	"testing"
	"time"
)

// The services of Natter, each a binary, an image and a Deployment.
var services = []string{"auth", "rooms", "message-store", "edge-gateway"}

// A pod has the time to stop that its process takes: first the load balancers forget it (preStop), then it drains.
func TestPodsHaveTimeToStop(t *testing.T) {
	t.Parallel()
	for overlay := range overlays {
		objects := render(t, overlay)
		for _, service := range services {
			d, ok := byKind(objects, "Deployment")[service]
			if !ok {
				t.Fatalf("%s: no Deployment %s", overlay, service)
			}
			pod := d.Spec.Template.Spec
			env := environment(t, objects, pod.Containers[0])
			grace := duration(t, env["NATTER_SHUTDOWN_GRACE"])
			preStop := time.Duration(pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
			if given := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second; given < preStop+grace+5*time.Second {
				t.Errorf("%s: %s is killed after %s, but sleeps %s and may then take %s", overlay, service, given, preStop, grace)
			}
			if d.Spec.Strategy.RollingUpdate.MaxUnavailable != 0.0 {
				t.Errorf("%s: an upgrade takes pods of %s away before there are new ones", overlay, service)
			}
			if service != "edge-gateway" {
				continue
			}
			// A component of a process may take half of the grace period.
			if window := duration(t, env["NATTER_DRAIN_WINDOW"]); window >= grace/2 {
				t.Errorf("%s: a drain window of %s does not fit into half of %s", overlay, window, grace)
			}
			if preStop == 0 {
				t.Errorf("%s: a gateway that stops refuses connections before load balancers know", overlay)
			}
		}
	}
}

func duration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever a pod refers to exists: the rendered ConfigMaps, and the Secrets that k8s/secrets.sh makes.
func TestReferencesExist(t *testing.T) {
	t.Parallel()
	secrets := byKind(installationSecrets(t), "Secret")
	for overlay := range overlays {
		objects := render(t, overlay)
		settings := byKind(objects, "ConfigMap")
		used := map[string]bool{}
		for _, o := range objects {
			if !o.pods() {
				continue
			}
			for _, c := range o.Spec.Template.Spec.Containers {
				for _, from := range c.EnvFrom {
					if r := from.ConfigMapRef; r != nil && settings[r.Name].Data == nil {
						t.Errorf("%s: %s refers to the ConfigMap %s, which is not there", overlay, o.Metadata.Name, r.Name)
					}
					if r := from.SecretRef; r != nil {
						used[r.Name] = true
						if secrets[r.Name].StringData == nil {
							t.Errorf("%s: %s refers to the Secret %s, which k8s/secrets.sh does not make", overlay, o.Metadata.Name, r.Name)
						}
					}
				}
			}
		}
		if overlay == "dev" && len(used) != len(secrets) {
			t.Errorf("k8s/secrets.sh makes %d Secrets, the dev overlay uses %d", len(secrets), len(used))
		}
	}
}

// Kubernetes' own environment variables would stop a service, and no pod needs the API.
func TestPodsAreClosed(t *testing.T) {
	t.Parallel()
	for overlay := range overlays {
		objects := render(t, overlay)
		for _, o := range objects {
			pod := o.Spec.Template.Spec
			if o.pods() && (pod.EnableServiceLinks == nil || *pod.EnableServiceLinks || pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken) {
				t.Errorf("%s: %s has service links or a token of the API", overlay, o.Metadata.Name)
			}
			if o.Kind == "Deployment" && o.Spec.Replicas != nil {
				t.Errorf("%s: %s has replicas, which an autoscaler decides", overlay, o.Metadata.Name)
			}
			if o.Kind == "Secret" {
				t.Errorf("%s: the Secret %s stands in the manifests", overlay, o.Metadata.Name)
			}
		}
		if deny := string(byKind(objects, "NetworkPolicy")["default-deny"].text); !strings.Contains(deny, "podSelector: {}") {
			t.Errorf("%s: no policy that denies everything else", overlay)
		}
	}
}
