# One door for people, hooks and CI: each target either reads or writes, never both.
#
# VENV and CARGO_TARGET_DIR say where the virtual environment and the Rust build lie, if not in the tree.

PYTHON ?= python3
VENV ?= .venv
SEEDS ?= 200
PYTEST_WORKERS ?= 2

BIN := $(abspath $(VENV))/bin
CARGO := cargo
PYTEST := $(BIN)/python -m pytest -q

TOOLS_READY := $(VENV)/.tools-ready
EXTENSION_READY := $(VENV)/.extension-ready
RUST_SOURCES := $(shell find crates -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock rust-toolchain.toml
PYTHON_SOURCES := $(wildcard python/aktis tests benches examples)
PROCESS_TESTS := $(wildcard tests/cluster tests/conformance tests/typing tests/docs)
FAULT_TESTS := $(wildcard tests/faults)
# Apart from the others: what `import ray` means holds for a whole process.
THIRD_PARTY_TESTS := $(wildcard tests/third_party)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYO3_PYTHON := $(BIN)/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup build run check fix test sim bench bench-ray bench-libraries docs clean lint types arch unit rust FORCE

help:  ## Prints this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(EXTENSION_READY)  ## Makes the virtual environment, with the tools and the extension; free when nothing changed

build:  ## Builds the extension again, in release mode
	@rm -f $(EXTENSION_READY)
	@$(MAKE) setup

run: setup  ## Runs the example program
	$(BIN)/python examples/knowledge_base.py

check: setup lint types arch unit rust  ## Reads only: format, lint, types, architecture, unit and machine tests

fix: $(TOOLS_READY)  ## Writes: format and safe lint fixes
	$(CARGO) clippy --locked --workspace --all-targets --fix --allow-dirty --allow-staged
	$(CARGO) fmt --all
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

test: check sim  ## Everything: check, the simulator, real processes, real kills, programs of others
	$(if $(PROCESS_TESTS),$(PYTEST) -n $(PYTEST_WORKERS) --dist loadfile $(PROCESS_TESTS))
	$(if $(FAULT_TESTS),$(PYTEST) $(FAULT_TESTS))
	$(if $(THIRD_PARTY_TESTS),$(PYTEST) $(THIRD_PARTY_TESTS))

sim:  ## Simulates SEED=<one>, or SEEDS=<how many> (200)
	$(CARGO) run --locked --release --quiet -p sim -- $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

bench: setup  ## Measures aktis alone; NAME=<rows> for some rows
	$(BIN)/python -m benches.against_ray --engines aktis --rows "$(NAME)"

bench-ray: setup  ## Measures aktis and Ray side by side in one run, and reports the ratios
	$(BIN)/python -m benches.against_ray --rows "$(NAME)"

bench-libraries: setup  ## Measures programs on third-party libraries likewise
	@$(MAKE) bench-ray NAME=libraries

docs: setup  ## Builds the Rust pages, runs the manual's examples, checks its links
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items
	$(PYTEST) tests/arch/test_docs.py $(wildcard tests/docs)

clean:  ## Removes what was built
	$(CARGO) clean
	rm -rf $(VENV) .venv-ray .import_linter_cache .mypy_cache .pytest_cache .ruff_cache python/aktis/_core*.so
	find $(PYTHON_SOURCES) -name __pycache__ -prune -exec rm -rf {} +

lint: setup
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/typos

types: setup
	$(BIN)/mypy $(PYTHON_SOURCES)
	$(BIN)/lint-imports
	$(BIN)/python -m mypy.stubtest aktis._core

arch: setup
	$(PYTEST) tests/arch

unit: setup
	$(PYTEST) tests/unit

rust:
	$(CARGO) test --locked --workspace --exclude python --quiet

$(TOOLS_READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet pip==26.3
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# The extension lies in the tree, so a second environment or a clean tree must build even if its stamp is fresh.
$(EXTENSION_READY): $(TOOLS_READY) $(RUST_SOURCES) $(if $(wildcard python/aktis/_core*.so),,FORCE)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --locked --extras examples
	@touch $@

FORCE:
