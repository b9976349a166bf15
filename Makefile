# Every recipe works on a fresh clone: the environment is made when something needs it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.complete
CLOCK := $(VENV)/clock_ahead.so

# Where the programs below find what the tests share.
export PYTHONPATH := $(CURDIR)/tests/fixtures:$(CURDIR)/tests/storms:$(CURDIR)/tests/bench

# Kept bytecode halves the time in which the tests are collected.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-later e2e storm check format bench wheel clean

help:  ## what can be made
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "agent-journal needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(CLOCK): tests/fixtures/clock_ahead.c $(STAMP)
	$(CC) -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $< -ldl

demo: $(STAMP)  ## replay a day of a project, show the context of the next session
	@$(BIN)/python tests/demo.py

# The tests' files lie in memory where Linux offers that: they sync thousands of small files.
# Three processes for two cores: a fifth of the time a test waits.
MEMORY := $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 2000000 ] \
  2>/dev/null && [ -w /dev/shm ] && echo /dev/shm)

test: $(STAMP)  ## run the tests; ARGS=tests/cli runs a part of them
	$(if $(MEMORY),PYTEST_DEBUG_TEMPROOT=$(MEMORY)) $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-later: $(STAMP) $(CLOCK)  ## run the tests with the clock 400 days ahead (Linux)
	LD_PRELOAD=$(CURDIR)/$(CLOCK) CLOCK_AHEAD_SECONDS=34560000 $(BIN)/python -m pytest -n 2 $(ARGS)

AGENTS := $(CURDIR)/.e2e

e2e: $(STAMP)  ## drive the newest real agents from npm, offline, with a scripted model
	mkdir -p $(AGENTS)
	npm install --prefix $(AGENTS) --no-audit --no-fund --engine-strict=false \
	  @anthropic-ai/claude-code@latest @openai/codex@latest @github/copilot@latest \
	  opencode-ai@latest @google/gemini-cli@latest @qwen-code/qwen-code@latest
	cd $(AGENTS)/node_modules/opencode-ai && node postinstall.mjs
	cd $(AGENTS)/node_modules/@anthropic-ai/claude-code && node install.cjs
	E2E_AGENTS=$(AGENTS) $(BIN)/python -m pytest tests/e2e -n 2 $(ARGS)

storm: $(STAMP)  ## kill writers, syncers and deliveries at random, then count; SHORT=1 is quick
	$(BIN)/python tests/storms/storm.py --kills $(if $(SHORT),100,600)
	$(BIN)/python tests/storms/archive_storm.py --kills $(if $(SHORT),60,150)
	$(BIN)/python tests/storms/order_storm.py --storms $(if $(SHORT),1 --steps 60,4)
	$(BIN)/python tests/storms/team_storm.py --kills $(if $(SHORT),15,150) --servers $(if $(SHORT),2,20)
	$(if $(SHORT),,THOROUGH=1 $(MAKE) test)

check: $(STAMP)  ## linters and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP)  ## put the code into shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP)  ## measure against named yardsticks, in one run; make bench hooks: a part
	$(BIN)/python tests/bench/bench.py $(filter-out bench,$(MAKECMDGOALS))

ifeq (bench,$(firstword $(MAKECMDGOALS)))
PARTS := $(filter-out bench,$(MAKECMDGOALS))
ifneq ($(PARTS),)
.PHONY: $(PARTS)
$(PARTS):  # what bench measures, see above
	@:
endif
endif

wheel: $(STAMP)  ## build the package into dist/
	$(BIN)/python -m build --outdir dist

clean:  ## remove what was made
	rm -rf $(VENV) .demo .e2e dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
