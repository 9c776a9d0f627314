# The same few commands for people and for CI. Needs make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The second command reads our own YAML files, and keeps what they hold beside the bytecode.
COMPILE := $(BIN)/python -m compileall -q -j 0 mock_server conformance pytest_vern_*.py vern_programs.py && \
	$(BIN)/vern-mock scenarios >/dev/null
# Some tests wait for a server; one worker more than there are cores keeps the cores busy.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
PYTEST = COVERAGE_CORE=$$($(BIN)/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")') \
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# A process of ours starts in a third of the time when its modules are compiled, and the tests start some dozens.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-all check bench figures tables yardstick mutants clean

help: ## List these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.installed ## See a whole import happen: a real server, played over HTTP
	@$(BIN)/vern-mock demo $(SCENARIO)

serve: $(VENV)/.installed ## Start the mock on its default port
	@$(BIN)/vern-mock serve

test: $(VENV)/.installed-dev ## Run the tests; with CI=true also hold 95 % of the lines
	@$(PYTEST) $(if $(CI),--cov --cov-report=term --cov-fail-under=95)

test-all: $(VENV)/.installed-dev ## Run also what takes long: all liars, more mixtures, dialects, seeds and examples, each server on everything
	@$(PYTEST) -m ""

check: $(VENV)/.installed-dev ## Lint, formatting, types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: $(VENV)/.installed-dev ## Measure start-up, polls, uploads and downloads
	@$(BIN)/python benchmarks/bench.py

figures: $(VENV)/.installed-dev ## Count what the house is made of: modules, lines, circles, files that an addition touches
	@$(BIN)/python tests/figures.py

tables: $(VENV)/.installed-dev ## Write the tables in the docs and the sources of coverage
	@$(BIN)/python tests/coverage_sources.py
	@$(BIN)/python tests/conformance/tables.py

yardstick: $(VENV)/.installed-dev ## Count the liars that plain Schemathesis catches, into docs/liars.md
	@$(BIN)/python tests/conformance/tables.py --yardstick

mutants: $(VENV)/.installed-dev ## Count the small mistakes in the mock, and in the independent implementation, that the suite notices
	@$(BIN)/python tests/conformance/mutants.py --all
	@$(BIN)/python tests/conformance/mutants.py --independent --all

clean: ## Remove the virtual environment and all that tools leave behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis .coverage* htmlcov build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "vern-mock needs Python 3.11 or newer, and none was found; make PYTHON=/path/to/python3.x says which" >&2; exit 2; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "vern-mock needs Python 3.11 or newer; $(PYTHON) is `"$(PYTHON)" --version 2>&1`" >&2; exit 2; }
	@echo "making $(VENV) with $(PYTHON)" >&2
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "installing vern-mock into $(VENV)" >&2
	@$(PIP) --editable .
	@$(COMPILE)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "installing vern-mock and its development tools into $(VENV)" >&2
	@$(PIP) --editable '.[dev]'
	@$(COMPILE)
	@touch $@ $(VENV)/.installed
