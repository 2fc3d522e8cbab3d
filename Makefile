# Everything a developer or a curious visitor needs. `make` alone lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LISTEN ?= 127.0.0.1
PORT   ?= 5353
WEB    ?= 127.0.0.1:8080

.DEFAULT_GOAL := help
.PHONY: help run test check types layers bench bench-lists bench-log bench-dashboard fuzz image pictures clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The dashboard is built while this is installed, and again when its sources have changed.
DASHBOARD := web web/.npmrc $(shell find web/*.html web/*.ts web/*.js web/package*.json web/src web/public -not -name '*.test.ts')

$(VENV)/.run: pyproject.toml hatch_build.py $(DASHBOARD)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[passkeys]'
	@touch $@

$(VENV)/.test: $(VENV)/.run pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

run: $(VENV)/.run ## start the sinkhole here: make run LISTEN=127.0.0.1 PORT=5353 WEB=127.0.0.1:8080
	$(BIN)/mirage-hole --listen $(LISTEN) --port $(PORT) --web $(WEB)

test: $(VENV)/.test ## every test: unit, property, conversation, live
	@tests/install-tools
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder # one of three waits most of the time: for the five minutes of tests/live/test_chaos.py

check: $(VENV)/.test layers types ## lint, formatting, import contracts, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test ## mypy --strict
	$(BIN)/mypy

layers: $(VENV)/.test ## the import contracts of docs/architecture.md
	$(BIN)/lint-imports

bench: $(VENV)/.test ## measure beside unbound, dnsmasq and others; writes bench/RESULTS.md
	$(BIN)/python -m bench
	$(BIN)/python -m bench.querylog

bench-lists: $(VENV)/.test ## measure what lists cost; writes bench/LISTS.md
	$(BIN)/python -m bench.lists

bench-dashboard: $(VENV)/.test ## measure the dashboard in Chromium; writes bench/DASHBOARD.md
	$(BIN)/python -m bench.dashboard

bench-log: $(VENV)/.test ## measure what the query log costs; writes bench/QUERYLOG.md
	$(BIN)/python -m bench.querylog

fuzz: $(VENV)/.test ## coverage-guided fuzzing of the packet and list parsers, SECONDS each (60)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	for target in tests/fuzz/fuzz_*.py; do $(BIN)/python $$target -max_total_time=$(or $(SECONDS),60) || exit 1; done

image: ## build the container image with whichever builder is here
	@if command -v docker >/dev/null && docker info >/dev/null 2>&1; then docker build --tag mirage-hole .; \
	elif command -v podman >/dev/null; then podman build --format docker --tag mirage-hole .; \
	elif command -v buildah >/dev/null; then buildah bud --format docker --tag mirage-hole .; \
	else echo "make image needs docker, podman or buildah; none is installed" >&2; exit 1; fi

pictures: $(VENV)/.test ## take the pictures of docs/images anew
	$(BIN)/python -m tests.web.take_pictures

clean: ## remove what these targets made
	rm -rf $(VENV) build dist web/dist web/node_modules bench/build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
