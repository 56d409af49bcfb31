# Everything a person does here. `make` alone lists it; each target installs what it needs, once.

VENV ?= .venv
PYTHON3 ?= python3

PYTHON = $(VENV)/bin/python
PIP_INSTALL = $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes
# The tests mostly wait, for processes to start and for timers: two for each core are quicker than one.
TEST_PROCESSES ?= $(shell $(PYTHON3) -c 'import os; print(2 * (os.cpu_count() or 1))')
# A Node of the system goes before the one that requirements-dev.txt brings.
WITH_NODE = PATH="$$PATH:$(abspath $(VENV))/bin"
BENCHES = $(filter-out peers, $(patsubst bench/%/__main__.py, %, $(wildcard bench/*/__main__.py)))
CODE = $(wildcard app tests bench examples server.py)
JS_LOCK = $(wildcard tests/js/package-lock.json)
JS_STAMP = $(JS_LOCK:package-lock.json=node_modules/.package-lock.json)
PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON) -m piptools compile --quiet --generate-hashes \
    --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.DEFAULT_GOAL := help
.PHONY: help run demo cluster test lint lint-style lint-types lint-imports lint-house bench mutants lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-13s %s\n' "$$name" "$$what"; done

run: $(VENV)/run.stamp ## start the server on port 4000, with a MongoDB of its own
	@exec $(PYTHON) -m app serve

demo: $(VENV)/run.stamp ## a live inbox: the server beside fake platforms, whose customers write and answer
	@exec $(PYTHON) -m tests.fake_platforms.demo

cluster: $(VENV)/run.stamp ## a replica set of three, Redis and three workers on port 4000, to play with and to break
	@exec $(PYTHON) -m tests.cluster

test: $(VENV)/dev.stamp $(JS_STAMP) ## run all tests, with branch coverage
	$(WITH_NODE) $(PYTHON) -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal --cov --cov-report=term-missing:skip-covered

lint: lint-style lint-types lint-imports lint-house ## check style, types, import rules and the house rules

lint-style: $(VENV)/dev.stamp ## check style alone
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .

lint-types: $(VENV)/dev.stamp ## check types alone
	$(PYTHON) -m mypy --strict $(CODE)

lint-imports: $(VENV)/dev.stamp ## check import rules alone
	$(VENV)/bin/lint-imports --no-logo

lint-house: $(VENV)/dev.stamp ## check the house rules alone: lengths, doors, documents, locks
	$(PYTHON) -m pytest -q tests/house

bench: $(VENV)/bench.stamp ## measure against the peers, and write docs/benchmarks.md
	@set -e; for name in $(BENCHES); do echo "bench.$$name"; $(WITH_NODE) $(PYTHON) -m bench.$$name; done
	@$(PYTHON) -m bench.report

mutants: $(VENV)/mutants.stamp ## break the code on purpose, line by line, and say what no test noticed (an hour and more)
	$(PYTHON) -m tests.mutants

lock: $(VENV)/dev.stamp ## choose new versions within setup.cfg's ranges, and write their hashes
	$(PIP_COMPILE) --upgrade --output-file requirements.txt setup.cfg
	$(PIP_COMPILE) --upgrade --extra dev --constraint requirements.txt --output-file requirements-dev.txt setup.cfg
	$(PIP_COMPILE) --upgrade --extra bench --constraint requirements-dev.txt --output-file requirements-bench.txt setup.cfg
	$(PIP_COMPILE) --upgrade --extra dev --extra mutants --constraint requirements-dev.txt \
		--output-file requirements-mutants.txt setup.cfg

clean: ## remove what was installed and built; the data under DATA_DIR stay
	rm -rf $(VENV) build dist ./*.egg-info .coverage .coverage.* htmlcov tests/js/node_modules
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(PYTHON):
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Parley needs Python 3.11 or later: make PYTHON3=/path/to/it"; exit 1; }
	@$(PYTHON3) -m venv $(VENV) || \
		{ rm -f $(PYTHON); echo "Python cannot make virtual environments here. On Debian: sudo apt-get install -y python3-venv"; exit 1; }

$(VENV)/run.stamp: requirements.txt requirements-embedded.txt | $(PYTHON)
	@echo "Installing into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements.txt -r requirements-embedded.txt
	@touch $@

$(VENV)/dev.stamp: requirements-dev.txt requirements-embedded.txt | $(PYTHON)
	@echo "Installing into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-dev.txt -r requirements-embedded.txt
	@touch $@

$(VENV)/bench.stamp: requirements-bench.txt requirements-embedded.txt | $(PYTHON)
	@echo "Installing into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-bench.txt -r requirements-embedded.txt
	@touch $@

$(VENV)/mutants.stamp: requirements-mutants.txt requirements-embedded.txt | $(PYTHON)
	@echo "Installing into $(VENV) ..."
	@$(PIP_INSTALL) -r requirements-mutants.txt -r requirements-embedded.txt
	@touch $@

tests/js/node_modules/.package-lock.json: tests/js/package-lock.json | $(VENV)/dev.stamp
	cd tests/js && $(WITH_NODE) npm ci --no-audit --no-fund --no-update-notifier
	@touch $@
