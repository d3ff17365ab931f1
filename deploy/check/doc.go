// Package check holds what can be said of the deployment without running it: its tests render the Kubernetes overlays and
// compare them with golden files, validate them against Kubernetes' own schemas and lint them; load docker-compose.yml; parse the
// Dockerfile; ask the built binaries whether they take the settings that they are given there; and look at alerts, runbook and
// dashboards, with Prometheus' own tool.
//
//	make operations                            # builds the binaries first
//	go test . -update                          # write the golden files anew, and look at what changed
package check
