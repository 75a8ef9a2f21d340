# `make` alone explains what there is.
.DEFAULT_GOAL := help
.NOTPARALLEL:
SHELL := /bin/bash

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# The version is stamped above; asking git again fails in a clone owned by another user.
export GOFLAGS += -buildvcs=false

# Extra flags for every go test, for instance: make unit TESTFLAGS='-run Gate -v'
TESTFLAGS ?=

# SQLite is C made into Go: under the race detector it is ten times as slow, and
# none of it is ours. What calls it is watched all the same.
RACE := -race -gcflags='modernc.org/...=-race=false -d=checkptr=0'

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build, then start everything with demo data at http://localhost:8080
	bin/slipway dev

.PHONY: build
build: ## Build bin/slipway, one static binary
	CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '$(LDFLAGS)' -o bin/slipway ./cmd/slipway

.PHONY: test
test: needs lint check-generated unit cluster e2e nested ## Everything that .ci/run runs

.PHONY: needs
needs: ## Install (Debian, root) or name what the tests need
	@.ci/needs

.PHONY: lint
lint: ## Linters, walls between rooms, formatting, shell scripts
	.ci/lint

.PHONY: unit
unit: ## Unit and conformance tests, with the race detector but where all is pure
	go test $(RACE) -timeout 10m $(TESTFLAGS) $$(go list ./... | grep -v -e /e2e/ -e /deployers/kubernetes -e /internal/slipway$$)
	go test -timeout 10m $(TESTFLAGS) ./internal/slipway
	SLIPWAY_TEST_TERRAFORM="$$(.ci/tool terraform)" go test $(RACE) -timeout 5m $(TESTFLAGS) ./deployers/terraform

# A whole cluster is enough work for a small machine: nothing else beside it.
.PHONY: cluster
cluster: ## The Kubernetes deployer, against a real cluster
	go test $(RACE) -timeout 15m $(TESTFLAGS) ./deployers/kubernetes/...

.PHONY: e2e
e2e: build ## Stories, browser flows and walls, against the built binary
	SLIPWAY_TEST_BINARY=$(CURDIR)/bin/slipway go test -p 1 -timeout 15m $(TESTFLAGS) ./e2e/...

.PHONY: nested
nested: ## The tests of nested modules, against real servers
	.ci/nested -timeout 20m $(TESTFLAGS)

# One benchmark alone: make bench BENCH=B3. To try all in minutes, with figures
# that say nothing: SLIPWAY_BENCH_QUICK=1 make bench
BENCH ?= .

.PHONY: bench
bench: ## Benchmarks, each beside its limit in the same run; ends with a table
	go test -run '^$$' -bench '$(BENCH)' -benchtime 1x -timeout 4h $(TESTFLAGS) ./e2e/bench/

.PHONY: faults
faults: ## Every fault in full, about three hours; writes docs/faults.md (FAULTS=tenth: a tenth of the counts; ROWS='F2|F3': only these rows)
	SLIPWAY_FAULTS=$(or $(FAULTS),full) FAULTS_ROWS='$(ROWS)' FAULTS_REPORT=$(CURDIR)/docs/faults.md FAULTS_VERSION=$(VERSION) go test -count=1 -timeout 6h $(TESTFLAGS) ./e2e/faults

.PHONY: soak
soak: ## Two hours of work; nothing may grow; a row of docs/faults.md (SOAK=10m: ten minutes)
	SLIPWAY_SOAK=$(or $(SOAK),2h) FAULTS_REPORT=$(CURDIR)/docs/faults.md FAULTS_VERSION=$(VERSION) go test -count=1 -timeout 4h -v $(TESTFLAGS) -run '^TestNothingGrows$$' ./e2e/faults

.PHONY: mutants
mutants: ## Make Slipway worse in each way of a list; a test must notice; about half an hour
	rm -f docs/mutants.md
	SLIPWAY_MUTANTS=full FAULTS_REPORT=$(CURDIR)/docs/mutants.md FAULTS_VERSION=$(VERSION) go test -count=1 -timeout 3h $(TESTFLAGS) -run '^TestMutants' ./e2e/faults

.PHONY: generate
generate: ## Write what is generated: pages, OpenAPI, the client's types, the tables of states and deployers
	go tool templ generate -path web -log-level warn
	go run ./cmd/slipway openapi > docs/openapi.json.new
	mv docs/openapi.json.new docs/openapi.json
	go run ./cmd/slipway wire-types internal/client/wire.go
	go run ./cmd/slipway deployer-table README.md docs/deployers.md
	go test -count=1 ./internal/slipway -run '^TestStateDiagram$$' -update

.PHONY: check-generated
check-generated: ## Fail when `make generate` changes a file
	.ci/check-generated

.PHONY: fmt
fmt: ## Format Go and templ files
	go tool templ fmt web
	"$$(.ci/tool golangci-lint)" fmt

.PHONY: image
image: ## Build the container image slipway:VERSION
	docker build --build-arg VERSION=$(VERSION) -t slipway:$(VERSION) .

.PHONY: clean
clean: ## Remove what was built; the demo's data in .slipway stays
	rm -rf bin docs/openapi.json.new
