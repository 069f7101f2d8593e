# Everything a fresh Debian 12 needs is installed from here; every target can be run again at any time.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEST_PACKAGES := chromium fuse3 gcc libatomic1 libc6-dev libmodbus-dev mbpoll minisign mosquitto socat postgresql-15
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: help setup setup-test run test gates golden routes messages bench lock clean

help: ## What can be done here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup: $(VENV)/.ready ## Make .venv and install the program from the lock file

setup-test: $(VENV)/.ready-test $(VENV)/.ready-host ## The same, with what the tests need: a browser, and a library of its remote control
	@dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1 || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -y -q --no-install-recommends $(TEST_PACKAGES); }

run: setup ## Run the built-in simulated line; the page is http://127.0.0.1:8080
	$(BIN)/station run configs/sim.yaml

test: setup-test gates ## All gates: format, lint, types, import contracts, tests

gates:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 3 --no-loadscope-reorder -rR

golden: $(VENV)/.ready-test ## Write the golden recordings and their decisions anew; the diff of the texts is the review
	$(BIN)/python -m tests.station.recording.golden

routes: $(VENV)/.ready-test ## Write the table of the page's routes by role anew; its diff is the review
	$(BIN)/python -m tests.station.access.routes

messages: setup ## Bring the catalogues of all languages up to date with the sources; then fill in what is empty
	$(BIN)/python -m station.messages

bench: setup ## Measure the vision loop against its floor, as ratios in one run
	$(BIN)/station bench loop

lock: ## Write the lock files anew from pyproject.toml (needs uv)
	uv pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra build -o requirements.lock
	uv pip compile -q pyproject.toml --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate --extra build --extra test -o requirements-test.lock

clean: ## Remove what was installed and made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=python3.11"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -y -q python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: $(VENV)/bin/pip requirements.lock pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready requirements-test.lock
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-test.lock
	@touch $@

# Programs of other people that tests speak with (Sparkplug) or are judged by (axe): a folder of tests with its lock file
# each, installed in a folder of the virtual environment. Debian's npm is only fetched where there is none.
FOREIGN := sparkplug_host=tests/station/reporting/sparkplug_host axe=tests/station/pages
$(VENV)/.ready-host: $(VENV)/bin/pip $(foreach each,$(FOREIGN),$(lastword $(subst =, ,$(each)))/package-lock.json)
	@command -v npm >/dev/null || { $(AS_ROOT) apt-get update -q && $(AS_ROOT) apt-get install -y -q --no-install-recommends nodejs npm; }
	set -e; for each in $(FOREIGN); do \
		mkdir -p $(VENV)/$${each%%=*}; cp $${each#*=}/package*.json $(VENV)/$${each%%=*}/; \
		(cd $(VENV)/$${each%%=*} && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error); done
	@touch $@
