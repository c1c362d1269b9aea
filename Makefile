# Everything happens in .venv of this checkout, made when absent or stale. `make help` lists the targets.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: help demo test test-fast lint format bench docs shots up clean

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11, 4))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location
JOBS ?= 2

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/demo  ## set everything up, then run the fraud road
	$(BIN)/potager demo

up: .venv/demo  ## set everything up, then serve on http://127.0.0.1:8484
	$(BIN)/potager up

test: .venv/test .venv/sdk2/ready .venv/sdk3/ready .venv/clients/ready  ## set everything up, then pass the tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

test-fast: .venv/test  ## the tests without the SDKs' own environments
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/unit tests/wire $(ARGS)

lint: .venv/test  ## style, types and the import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.coverage --check

format: .venv/test  ## put the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/test  ## measure what the docs claim (docs/explanation/performance.md)
	$(BIN)/python -m benchmarks

docs: .venv/test  ## make the generated pages anew
	$(BIN)/python -m tools.coverage

shots: .venv/test  ## take the pictures of Studio for the docs anew; look at them before you commit
	$(BIN)/python -m tools.shots

clean:  ## remove what the other targets made
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis fraud-report.html

.venv/python:
	@test -n "$(PYTHON)" || { echo "Potager needs Python 3.11.4 or later; none was found on PATH. Install one, or: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up .venv with $(PYTHON); the first time takes a minute or two ..."
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PIP) --upgrade 'pip>=25.1'
	@touch $@

.venv/demo: .venv/python pyproject.toml
	@echo "Installing Potager and what the demo needs ..."
	@$(PIP) --editable '.[demo]'
	@touch $@

.venv/test: .venv/demo pyproject.toml
	@echo "Installing the tools for tests and lint ..."
	@$(PIP) --group test --group lint
	@touch $@

# The SDKs need environments of their own: v2 and v3 cannot stand beside each other.
.venv/sdk2/ready: tests/clients/sdk2.txt | .venv/python
	@echo "Installing the sagemaker SDK v2 for its tests ..."
	@$(BIN)/python -m venv .venv/sdk2
	@.venv/sdk2/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.venv/sdk3/ready: tests/clients/sdk3.txt tests/clients/sdk3-whole.txt | .venv/python
	@echo "Installing the sagemaker SDK v3 for its tests ..."
	@$(BIN)/python -m venv .venv/sdk3
	@.venv/sdk3/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@.venv/sdk3/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/clients/sdk3-whole.txt
	@touch $@

# Programs that keep data in S3, at versions of botocore that they share with each other and not with us.
.venv/clients/ready: tests/clients/clients.txt | .venv/python
	@echo "Installing S3 client programs for their tests ..."
	@$(BIN)/python -m venv .venv/clients
	@.venv/clients/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
