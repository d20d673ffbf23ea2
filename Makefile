# Every habit of the house. `make` alone makes the environment and prints this list.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
COMPILER = $(firstword $(CC))
# Versions and hashes, but no addresses: they install the same from any index.
PIN     = $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
          --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock'

# Those of pyproject.toml that every checkout has; the others are asked for one by one.
EXTRAS  = avro cli embedded passwords rules

LOCKS   = $(shell grep -l -e '--hash=' requirements/*.txt bench/peers/requirements/*.txt)

.DEFAULT_GOAL := help

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## make the environment in .venv (what `up` and `test` do first)

up: install ## broker, topics, market, worker, dashboard; Ctrl-C stops all of it
	@$(BIN)/faust -A app up

native: $(VENV)/.installed-native ## candles folded in C, twice as fast (optional; needs a C compiler)
	@:

# Most of the time a test waits, for a session to time out or a process to start.
test: $(VENV)/.installed-test ## every test, on a real broker and in a real browser; JOBS=3 at once
	@$(BIN)/python -m pytest -n $${JOBS:-3} --dist loadfile --no-loadscope-reorder

peers: $(VENV)/.installed ## Quix Streams, Bytewax and stock Faust, beside which `test` runs a stream
	@$(BIN)/python -m bench.peers.environments quix bytewax faust

fuzz: $(VENV)/.installed-test ## property tests, FUZZ=20 times as long; or odd records: MINUTES=60, SEED=17
ifneq ($(MINUTES)$(SEED),)
	@MINUTES=$(MINUTES) SEED=$(SEED) PYTHONPATH=.:tests $(BIN)/python tests/fuzz/fuzz_command.py
else
	@FUZZ=$${FUZZ:-20} $(BIN)/python -m pytest --timeout=0 tests/unit/windows tests/unit/engine tests/topology tests/attacks
endif

chaos: $(VENV)/.installed-test ## kill, freeze, stop workers and broker, compare all pipelines; RUNS=50, or SEED=17
	@RUNS=$${RUNS:-50} PYTHONPATH=.:tests:tests/patterns $(BIN)/python tests/chaos/chaos_command.py

mutants: $(VENV)/.installed-mutants ## changes of the code that no test notices; SAMPLE=100, or CHANGED=main
	@$(VENV)/mutants/bin/python tests/mutants/mutants_command.py $(BIN)/python

check: $(VENV)/.installed-test ## lint, types, import rules, formatting, advisories about what is pinned
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# By the node of its wheel. Without the variable it asks npm for a newer version.
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python requirements/audit.py $(LOCKS)
	@! git grep -nE '^(<<<<<<<|>>>>>>>) '
	@# What a build leaves behind is no source.
	@! git ls-files --cached --ignored --exclude-standard | grep .
	@# Tests import each other's files by their names alone: two of one name, and one is not found.
	@! find tests -name '*.py' ! -name conftest.py -exec basename {} \; | sort | uniq -d | grep .

format: $(VENV)/.installed-test ## let the formatter decide
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# With the native extension where it can be built: how it ran is said before the figures.
bench: $(VENV)/.installed-bench ## measure: beside others, or BENCH=failover, restore, flood, attack; ARGS=--help
	@$(MAKE) --no-print-directory native || true
	@$(BIN)/python -m bench.$${BENCH:-compare} $(ARGS)

soak: $(VENV)/.installed-test ## HOURS=1 (or MINUTES) under load: what grows? each window checked
	@$(BIN)/python -m bench.soak --hours $${HOURS:-1} --minutes $${MINUTES:-0} $(ARGS)

lock: ## pin anew what pyproject.toml asks for
	@$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	$(PIN) requirements/build.in -o requirements/build.txt
	$(PIN) requirements/native.in -o requirements/native.txt
	$(PIN) requirements/mutants.in -o requirements/mutants.txt
	$(PIN) requirements/bench.in -o requirements/bench.txt
	$(PIN) $(EXTRAS:%=--extra %) pyproject.toml -o requirements/app.txt
	$(PIN) $(EXTRAS:%=--extra %) --extra test --extra check -c requirements/app.txt pyproject.toml -o requirements/test.txt
	$(PIN) -c requirements/test.txt requirements/docs.in -o requirements/docs.txt
	for peer in quix bytewax flink faust; do $(PIN) bench/peers/requirements/$$peer.in -o bench/peers/requirements/$$peer.txt || exit 1; done

docs: $(VENV)/.installed-docs ## the documentation as a site in build/site; a broken link is an error
	@$(VENV)/docs/bin/zensical build --strict --clean
	@# Nothing of a page is loaded from another host.
	@! grep -rlE '<(script|link|img|iframe)[^>]* (src|href)="?https?:' --include='*.html' build/site

advisories: $(VENV)/.installed-test ## renew what is known; CHECKOUT=a directory of the advisory database
	@$(BIN)/python requirements/audit.py --renew $(CHECKOUT) $(LOCKS)

clean: ## remove the environment and the data of `make up`
	rm -rf $(VENV) .cache build data *.egg-info native/build native/*.egg-info native/tickstream_native/*.c

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tickstream needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 cannot make a virtual environment here; on Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements/app.txt requirements/build.txt pyproject.toml
	@echo "Installing tickstream into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/app.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed requirements/test.txt
	@echo "Installing the test tools ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

# A wheel of its own, which nothing else depends on.
$(VENV)/.installed-native: $(VENV)/.installed requirements/native.txt native/pyproject.toml $(wildcard native/tickstream_native/*.p*)
	@command -v $(COMPILER) >/dev/null || \
	  { echo "make native needs a C compiler, and $(COMPILER) is none; on Debian: apt-get install gcc libc6-dev. All works without it too."; exit 1; }
	@$(BIN)/python -c 'import pathlib, sysconfig, sys; sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())' || \
	  { echo "make native needs the headers of this Python; on Debian: apt-get install python3-dev. All works without it too."; exit 1; }
	@echo "Building the native extension ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/native.txt
	@CC="$(CC)" $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall ./native
	@touch $@

$(VENV)/.installed-mutants: $(VENV)/.installed-test requirements/mutants.txt
	@$(PYTHON) -m venv $(VENV)/mutants
	@$(VENV)/mutants/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/mutants.txt
	@touch $@

$(VENV)/.installed-docs: requirements/docs.txt
	@echo "Installing what makes the site ..."
	@$(PYTHON) -m venv $(VENV)/docs
	@$(VENV)/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

# Apart from the rest: the product's own JSON would not be what it is where this is installed.
$(VENV)/.installed-bench: $(VENV)/.installed-test requirements/bench.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target $(VENV)/floor -r requirements/bench.txt
	@touch $@

.PHONY: help install up native test peers fuzz chaos mutants check format bench soak lock docs advisories clean
