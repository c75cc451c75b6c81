# Two commands set everything up: `make demo` and `make test`. Each installs what it needs into
# .venv (or into tox's own environments) and skips that while pyproject.toml stays as it is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo dev docs test gate speed lint types clean

help:
	@echo "make demo   install into $(VENV), run the suite \`quick\` and write its report: nothing to download"
	@echo "make test   all checks: lint, types, and tests against the built wheel"
	@echo "make gate   run the suite \`embedded-gate\` and hold it against the committed baseline"
	@echo "make speed  measure what takes time and hold it against the committed ratios"
	@echo "make lint   rules and format of the source only"
	@echo "make types  types only"
	@echo "make docs   build the documentation site into site/"
	@echo "make dev    install into $(VENV) with the tools for development"
	@echo "make clean  remove what these commands made, except runs/"
	@echo "Another Python: make PYTHON=python3.12 demo"

demo: $(VENV)/.project
	@$(BIN)/bench run --yes; status=$$?; $(BIN)/bench report && exit $$status

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 PYTHONDONTWRITEBYTECODE=1 $(BIN)/python -m mkdocs build --strict --site-dir site

dev: $(VENV)/.dev

test: $(VENV)/.tox
	$(BIN)/tox run -e lint,py

# BENCH: another installation. The cache is a new one, so that nothing of older code is taken for done.
BENCH = $(BIN)/bench
GATE = runs/gate
GATE_SUITE = embedded-gate
GATE_BASELINE = leaderboards/baselines/embedded-gate.json
gate: $(if $(filter $(BIN)/bench,$(BENCH)),$(VENV)/.project)
	rm -rf "$(GATE)"
	BENCH_CACHE="$(abspath $(GATE))/cache" $(BENCH) run "$(GATE_SUITE)" --yes --out "$(GATE)/run"
	$(BENCH) check "$(GATE)/run" --baseline "$(GATE_BASELINE)" \
	  --fail-on cells --junit "$(GATE)/gate.xml"

speed: $(VENV)/.dev
	$(BIN)/python -m benchmarks.baseline --check benchmarks/baselines/cpu.json

lint: $(VENV)/.tox
	$(BIN)/tox run -e lint

types: $(VENV)/.dev
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks build dist site

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	  echo "Expected Python 3.11 to 3.13, \`$(PYTHON)\` is not: try make PYTHON=python3.12" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.made
	$(BIN)/python -m pip install --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.made
	$(BIN)/python -m pip install --editable ".[dev]"
	@touch $@ $(VENV)/.project

$(VENV)/.docs: pyproject.toml $(VENV)/.made
	$(BIN)/python -m pip install --editable ".[docs]"
	@touch $@ $(VENV)/.project

$(VENV)/.tox: $(VENV)/.made
	$(BIN)/python -m pip install "tox>=4.15"
	@touch $@
