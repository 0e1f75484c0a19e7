# tsoverlay. `make` alone prints this help.
SHELL := /bin/bash
BIN := node_modules/.bin
TSX := node --import tsx

.DEFAULT_GOAL := help
.PHONY: help check fmt

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

check: node_modules/.package-lock.json ## types, lint, format, layering, dead code
	$(BIN)/tsc -p .
	$(BIN)/biome ci --error-on-warnings .
	$(BIN)/depcruise --config .dependency-cruiser.cjs src test plugin
	$(BIN)/knip

fmt: node_modules/.package-lock.json ## format and fix what can be fixed
	$(BIN)/biome check --write .
