# Natter. Everything these targets need, but Go, is built into bin/ from the versions pinned in deploy/tools/go.mod.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where each binary's main package is.
MAINS := ./services/standalone/cmd/natter ./services/auth/cmd/auth ./services/rooms/cmd/rooms \
	./services/message-store/cmd/message-store ./services/edge-gateway/cmd/edge-gateway

# Whole systems of several processes: they are tested alone, because they say how long things may take.
SCENARIOS := services/standalone/scenario

# The race detector, but not in SQLite: that is C translated to Go, whose memory is not Go's, so that the detector would watch
# hardly anything for four times the time of the stores' tests. What compiles for tests uses these flags: it is done once.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false

##@ Product

.PHONY: run
run: web-if-node ## build bin/natter and start it: all of Natter in one process, on http://localhost:8080, data in ./data
	CGO_ENABLED=0 go build -trimpath -o bin/ ./services/standalone/cmd/natter
	exec bin/natter

.PHONY: build
build: ## build every binary into bin/: natter and the four services
	CGO_ENABLED=0 go build -trimpath -o bin/ $(MAINS)

##@ Web client

# Its build is embedded into the gateway. Everything else works without Node.
WEB := services/web
WEB_SOURCES := $(shell find $(WEB) -type f \( -path '*/node_modules' -o -path '*/build' -o -path '*/dist' -o -path '*/gen' \) -prune -o \
	-type f \( -path '*/src/*' -o -path '*/public/*' -o -path '*/scripts/*' -o -name '*.json' -o -name 'vite.config.ts' -o -name 'buf.gen.yaml' \) -print) \
	$(wildcard proto/natter/*/v1/*.proto)
NODE_IS_THERE = node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null

.PHONY: web
web: $(WEB)/dist/index.html ## build the web client into services/web/dist, for the next build of the gateway and of natter (Node 20.19 or later)

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	npm --prefix $(WEB) run --silent build

# Not npm ci: it refuses a lock file that lacks the binaries of other platforms, which some registries do not carry.
$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json
	npm --prefix $(WEB) install --no-save --silent
	@touch $@

.PHONY: web-if-node
web-if-node:
	@if $(NODE_IS_THERE); then $(MAKE) --no-print-directory web; \
	else echo "Without the web client: that takes Node 20.19 or later."; fi

.PHONY: web-test
web-test: web-deps web ## check and test the web client: its code, and in a browser against natter
	npm --prefix $(WEB) run --silent check
	npm --prefix $(WEB) test --silent
	CGO_ENABLED=0 go build -trimpath -o bin/ $(MAINS)
	GOWORK=off CGO_ENABLED=0 go -C pkg/testkit/servers build -trimpath -o ../../../bin/ ./nats
	npm --prefix $(WEB) run --silent e2e

# Node, and a browser for the tests: Debian's, never one that a package downloads; with fonts, to look like something.
.PHONY: web-deps
web-deps:
	@missing=(); \
	command -v npm >/dev/null || missing+=(nodejs npm); \
	command -v chromium >/dev/null || missing+=(chromium fonts-inter fonts-noto-color-emoji); \
	if (($${#missing[@]})); then \
		echo "The web client's tests need these Debian packages; installing: $${missing[*]}"; \
		sudo=; if ((EUID)); then sudo=sudo; command -v sudo >/dev/null || { echo "Run as root: apt-get install $${missing[*]}"; exit 1; }; fi; \
		$$sudo apt-get update -q; \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$${missing[@]}"; \
	fi; \
	$(NODE_IS_THERE) || { echo "The web client needs Node 20.19 or later; this is $$(node --version)"; exit 1; }

##@ Tests

.PHONY: test
test: test-deps ## run every test of every module, with the race detector (go vet is part of make lint)
	go test $(RACE) -vet=off $$(go list work | grep -v $(SCENARIOS))
	go test $(RACE) -vet=off ./$(SCENARIOS)

.PHONY: test-heavy
test-heavy: test-deps ## also the storms, thousands of sockets and long crash runs (minutes)
	NATTER_TEST_HEAVY=1 go test $(RACE) -vet=off -count=1 -timeout=60m work

.PHONY: bench
bench: test-deps ## run every benchmark; compare two outputs with bin/benchstat
	go test -run='^$$' -bench=. -benchmem work

.PHONY: bench-e2e
bench-e2e: ## measure the one process through sockets, against a bare server and a cluster, ratios of 5 rounds (20 minutes); ARGS=--quick to try it
	@dir=$$(mktemp -d); trap 'rm -rf "$$dir"' EXIT; \
	CGO_ENABLED=0 go build -trimpath -o "$$dir/" $(MAINS) ./services/standalone/internal/load/{baseline,e2e}; \
	GOWORK=off CGO_ENABLED=0 go -C pkg/testkit/servers build -trimpath -o "$$dir/" ./nats; \
	"$$dir/e2e" --bin "$$dir" $(ARGS)

# PostgreSQL's server, which the tests start privately, and a C compiler for the race detector. The test servers
# (NATS, FerretDB) are Go modules of their own, built by testkit when first needed.
.PHONY: test-deps
test-deps:
	@missing=(); \
	ls /usr/lib/postgresql/*/bin/postgres &>/dev/null || missing+=(postgresql); \
	command -v "$$(go env CC)" >/dev/null || missing+=(gcc libc6-dev); \
	if (($${#missing[@]} == 0)); then exit; fi; \
	echo "The tests need these Debian packages; installing: $${missing[*]}"; \
	sudo=; if ((EUID)); then sudo=sudo; command -v sudo >/dev/null || { echo "Run as root: apt-get install $${missing[*]}"; exit 1; }; fi; \
	$$sudo apt-get update -q; \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$${missing[@]}"

##@ Checks

# The linters read the packages that the tests have compiled or will. GOGC: 20 % less CPU for more memory.
.PHONY: lint
lint: bin/golangci-lint test-deps ## vet, gofmt and the linters of .golangci.yml, over every module
	GOGC=400 GOFLAGS="$$(go env GOFLAGS) $(RACE)" bin/golangci-lint run $$(sed -n 's|^\t\(\./.*\)|\1/...|p' go.work)

.PHONY: check-mod
check-mod: test-deps ## every module compiles by itself, is tidy, and depends only on what it may
	GOFLAGS="$$(go env GOFLAGS) $(RACE)" .ci/check-mod

.PHONY: settings
settings: ## write the list of settings into pkg/config/known.txt and README.md (a test compares them)
	go test $(RACE) -vet=off ./services/standalone -run=TestSettingsAreListed -update

.PHONY: nats
nats: ## write deploy/nats/users.conf: what each service may do on the bus (a test compares it)
	go test $(RACE) -vet=off ./pkg/permission -run=TestUsersFileIsUpToDate -update

.PHONY: operations
operations: build test-deps prometheus ## render, validate and lint what deploys Natter: k8s/, docker-compose.yml, the Dockerfile; golden files; a real Prometheus
	GOWORK=off CGO_ENABLED=0 go -C deploy/check test -count=1 .
	NATTER_TEST_PROMETHEUS=1 go test $(RACE) -vet=off -count=1 -run='^TestPrometheus$$' ./$(SCENARIOS)

# Its package starts a server, which nobody here needs.
.PHONY: prometheus
prometheus:
	@command -v prometheus >/dev/null && exit; \
	echo "The checks need these Debian packages; installing: prometheus"; \
	sudo=; if ((EUID)); then sudo=sudo; command -v sudo >/dev/null || { echo "Run as root: apt-get install prometheus"; exit 1; }; fi; \
	$$sudo apt-get update -q; \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends prometheus; \
	if [ -d /run/systemd/system ]; then $$sudo systemctl disable --now prometheus; fi

.PHONY: operations-golden
operations-golden: ## write what is made of the manifests: the golden files, the rules for the Prometheus operator
	GOWORK=off CGO_ENABLED=0 go -C deploy/check test -run=TestRulesOfTheOperator -update .
	GOWORK=off CGO_ENABLED=0 go -C deploy/check test -run=TestOverlaysRender -update .

##@ Deployment

# With Docker alone, natter, which makes the keys of the bus, comes from its image.
.PHONY: env
env: ## write .env: the secrets of an installation with docker compose, once
	@if [ -e .env ]; then echo "There is a .env: it is kept. Without the SECRET_KEY in it, much in the databases cannot be read."; exit 1; fi; \
	natter="go run ./services/standalone/cmd/natter"; \
	if ! command -v go >/dev/null; then \
		docker build -f deploy/docker/Dockerfile --target natter -t natter/natter .; natter="docker run --rm natter/natter"; \
	fi; \
	umask 077; trap 'rm -f .env.new' EXIT; NATTER="$$natter" deploy/env.sh >.env.new; mv .env.new .env; \
	echo "Wrote .env. Set DOMAIN and PUBLIC_URL in it for others than this machine."

TAG ?= dev
.PHONY: images
images: ## build an image of every binary, natter/auth:dev and so on; TAG=1.0.0 for another tag
	@for name in auth rooms message-store edge-gateway natter; do \
		docker build -f deploy/docker/Dockerfile --target "$$name" -t "natter/$$name:$(TAG)" .; \
	done

##@ Protocol

.PHONY: proto
proto: bin/buf bin/protoc-gen-go ## lint and format the .proto files; generate Go, openapi.yaml and asyncapi.yaml from them
	cd proto && ../bin/buf lint && ../bin/buf format -w && ../bin/buf generate
	cd proto && ../bin/buf build --as-file-descriptor-set -o - | CGO_ENABLED=0 go run -trimpath ./apidoc

.PHONY: proto-check
proto-check: ## the same, and fail if that changed anything
	@state() { find proto -type f | sort | xargs sha256sum; }; \
	before=$$(state); $(MAKE) --no-print-directory proto; \
	diff <(echo "$$before") <(state) || { echo "proto-check: run 'make proto' and commit what it changes"; exit 1; }

##@ Tools

bin/golangci-lint: TOOL := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/protoc-gen-go: TOOL := google.golang.org/protobuf/cmd/protoc-gen-go
bin/benchstat: TOOL := golang.org/x/perf/cmd/benchstat
bin/golangci-lint bin/protoc-gen-go bin/benchstat: deploy/tools/go.mod
	GOWORK=off CGO_ENABLED=0 go -C deploy/tools build -trimpath -o ../../bin/ $(TOOL)

# The same version from npm, where that is there: a minute less than building it.
BUF := github.com/bufbuild/buf
bin/buf: deploy/tools/go.mod
	@version=$$(GOWORK=off go -C deploy/tools list -m -f '{{.Version}}' $(BUF)); echo "buf $$version"; \
	if command -v npm >/dev/null && npm install --silent --no-save --prefix bin/npm "@bufbuild/buf@$${version#v}"; then \
		ln -sf npm/node_modules/.bin/buf bin/buf; \
	else \
		GOWORK=off CGO_ENABLED=0 go -C deploy/tools build -trimpath -o ../../bin/ $(BUF)/cmd/buf; \
	fi

.PHONY: help
help: ## list these targets
	@awk -F':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile
