# `make demo` and `make test` each work alone on a fresh clone: they build .venv from the hashed lock first.
# Needed: Python 3.11, 3.12 or 3.13 with venv and pip, make, gcc; from 3.12 on also g++ (anonlink has no wheels there and is compiled).

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# `make lock` resolves for every platform and supported Python, and writes no index address, no path and no header into the lock.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# Peers in environments of their own, and the benchmarks that need them. Tumult Analytics needs Java, so it runs beside the others
# only where `make .bench/tumult/.ready` was asked for.
PEERS := splink opendp_context tumult
NEEDED_BY_clear_text := splink
NEEDED_BY_profiles := splink
NEEDED_BY_analysis_peers := opendp_context
NEEDED := $(sort $(foreach name,$(or $(NAMES),clear_text profiles analysis_peers),$(NEEDED_BY_$(name))))

# The last line that `make test` prints is pytest's, from wherever make is called.
MAKEFLAGS += --no-print-directory
# The interpreter is the machine's: nothing is fetched but what the lock names.
export UV_PYTHON_DOWNLOADS := never

.PHONY: help demo test bench wire lock clean

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 14

demo: $(READY) ## the whole path on an invented country: files of three agencies to protected tables
	$(BIN)/symbolon demo

test: $(READY) ## every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/generate_wire.py --check
	$(BIN)/pytest -n 2 --dist loadfile

bench: $(READY) $(NEEDED:%=.bench/%/.ready) ## the benchmarks; QUICK=1 for smaller sizes, NAMES="encoding comparing" for some
	$(BIN)/python -m benchmarks $(if $(QUICK),--quick) $(NAMES)

wire: $(READY) ## generate services/wire/v1 from protos/symbolon/v1
	$(BIN)/python tools/generate_wire.py

lock: $(READY) ## compile requirements/*.txt anew from pyproject.toml
	$(LOCK) --upgrade --override requirements/overrides.txt pyproject.toml --group dev -o requirements/dev.txt
	$(LOCK) --override requirements/overrides.txt --constraints requirements/dev.txt pyproject.toml -o requirements/run.txt
	$(LOCK) --upgrade --group build -o requirements/build.txt
	$(LOCK) --upgrade --group bootstrap -o requirements/uv.txt
	for peer in $(PEERS); do $(LOCK) --upgrade benchmarks/$$peer/requirements.in -o requirements/$$peer.txt || exit; done

clean: ## remove the environment and everything built
	rm -rf .venv .bench build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for everything, so that going from one target to another changes nothing. uv installs it in seconds; it does
# not read pip's configuration, so where only pip knows the way to a package index, pip installs the same lock in a minute.
$(READY): requirements/dev.txt requirements/build.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else f"Symbolon needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --build-constraints requirements/build.txt requirements/dev.txt \
	    || $(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.bench/%/.ready: requirements/%.txt | $(READY)
	$(PYTHON) -m venv --clear .bench/$*
	$(BIN)/uv pip sync --quiet --python .bench/$*/bin/python --require-hashes --build-constraints requirements/build.txt $< \
	    || .bench/$*/bin/python -m pip install --quiet --no-deps --require-hashes -r $<
	touch $@
