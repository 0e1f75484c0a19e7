# tsoverlay. `make` alone prints this help.
SHELL := /bin/bash
BIN := node_modules/.bin
TSX := node --import tsx
LAB := $(TSX) test/lab/cli.ts

N ?= 3
SEGMENTS ?= 1
export MINUTES SEED CYCLES
H ?= 1

.DEFAULT_GOAL := help
.PHONY: help deps check fmt unit contract ui net e2e test demo plugin lab-up lab-sh lab-down churn faults fuzz soak bench bench-scale bench-propagation bench-ipam ci

help: ## this list
	@echo 'tsoverlay: multi-host networks for plain Docker'
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

# Not `npm ci`: that demands other platforms' optional packages, which a mirror may lack.
node_modules/.package-lock.json: package.json package-lock.json
	npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

deps: node_modules/.package-lock.json ## the npm packages and the Debian packages that tests need
	@$(LAB) packages

demo: deps plugin ## the main job, shown: one host alone, then three hosts that reach each other
	$(TSX) test/demo/demo.ts

test: check deps plugin ## everything: check, unit, contract, kernel and e2e tests
	$(TSX) test/run.ts $(UNIT) $(ALONE) $(CONTRACT) $(UI) $(NET) $(E2E)

UNIT := unit='test/{core,state,ipam,backends,dataplane,control,rpc,dns,admin,cli,plugin,lab,bench,churn,tour,ui-model}/**/*.test.ts'
ALONE := alone='test/lab/*.alone.ts'
CONTRACT := contract='test/contract/*.test.ts'
NET := net='test/{net,fuzz}/*.test.ts'
UI := ui='test/ui/*.test.ts'
E2E := e2e-alone='test/e2e/*.alone.ts' e2e='test/e2e/*.e2e.ts'

check: node_modules/.package-lock.json ## types, lint, format, layering, dead code
	$(BIN)/tsc -p .
	$(BIN)/tsc -p src/ui
	$(BIN)/biome ci --colors=off --error-on-warnings .
	$(BIN)/depcruise --config .dependency-cruiser.cjs --output-type err src test plugin
	$(BIN)/knip

fmt: node_modules/.package-lock.json ## format and fix what can be fixed
	$(BIN)/biome check --write .

unit: deps plugin ## unit tests, in seconds
	$(TSX) test/run.ts $(UNIT) $(ALONE)

contract: deps plugin ## the store's contract on the fake and on a real etcd
	$(TSX) test/run.ts $(CONTRACT)

ui: deps plugin ## the page of tsoverlay ui in headless Chromium; screenshots in build/ui
	$(TSX) test/run.ts $(UI)

net: deps plugin ## the dataplane on the real kernel, in namespaces of its own; a short fuzz run
	$(TSX) test/run.ts $(NET)

e2e: deps plugin ## real dockerds, real etcd, real kernel
	$(TSX) test/run.ts $(E2E)

plugin: node_modules/.package-lock.json ## build/plugin, for docker plugin create
	$(TSX) plugin/build.ts

lab-up: deps plugin ## N Docker hosts with an etcd and the plugin: make lab-up N=4 SEGMENTS=2
	$(LAB) up $(N) --segments $(SEGMENTS) --etcd
	$(TSX) test/lab/install.ts

lab-sh: ## a shell on a host of the lab, its router or a client: make lab-sh H=1
	@$(LAB) sh $(H)

lab-down: ## remove the lab
	@$(LAB) down

churn: deps plugin ## MINUTES of random life on three hosts with all backends, one of them cloned at half time: make churn MINUTES=10 SEED=7
	$(TSX) test/churn/churn.ts

faults: deps plugin ## kill, cut and fill what a cluster stands on: make faults ONLY=etcd-down,clock-back
	$(TSX) test/faults/faults.ts $(ONLY)

fuzz: N := 100000
fuzz: deps plugin ## N requests without manners at the plugin's sockets: make fuzz N=100000 SEED=1 ONLY=names
	REQUESTS=$(N) ONLY=$(ONLY) $(TSX) test/fuzz/fuzz.ts

soak: deps plugin ## CYCLES containers on a real dockerd, and what grew: make soak CYCLES=2000
	$(TSX) test/soak/soak.ts

bench: deps plugin ## speed beside Docker's own, and what the agent costs: make bench ONLY=start,throughput
	$(TSX) test/bench/bench.ts $(ONLY)

bench-scale: deps plugin ## up to 1,000 simulated hosts and 100,000 endpoints on one etcd: make bench-scale HOSTS=50,200
	$(TSX) test/bench/scale.ts $(HOSTS)

bench-propagation: deps plugin ## how fast a new endpoint is in the other hosts' kernels
	$(TSX) test/bench/bench.ts propagation

bench-ipam: deps plugin ## how fast addresses are, at the plugin's socket on three hosts
	$(TSX) test/bench/bench.ts ipam

ci: test ## what CI runs
