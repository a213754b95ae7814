# The two commands: `make run` and `make test`. Each does its own set-up.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.PHONY: help run test test-redis format lint types contracts migrations suite bench-growth openapi lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_OPTIONS := --quiet --disable-pip-version-check --no-input --require-hashes

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Serve the API with demo data (PORT=8000, DATA_DIR=.data)
	@exec $(BIN)/flask serve

test: $(VENV)/.test ## Everything that must hold: format, lint, types, contracts, migrations, tests
	@$(MAKE) --no-print-directory lint types contracts suite

format: $(VENV)/.test ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format .

lint: $(VENV)/.test ## Check format and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: $(VENV)/.test ## Check types
	@$(BIN)/mypy

contracts: $(VENV)/.test ## Check which layer imports which
	@$(BIN)/lint-imports

suite: $(VENV)/.test ## Run the tests on a real PostgreSQL
	@$(BIN)/pytest -n 2 --dist worksteal --ignore tests/redis

test-redis: $(VENV)/.test ## Workers and rate limits over a real Redis, also while it is killed (needs redis-server)
	@command -v redis-server > /dev/null || { echo "redis-server is needed, for instance: apt-get install redis-server" >&2; exit 1; }
	@$(BIN)/pytest tests/redis

migrations: $(VENV)/.test ## Check the migrations alone
	@$(BIN)/pytest tests/migrations

bench-growth: $(VENV)/.run ## Compare every list at 10,000 and at 1,000,000 cards (minutes, 4 GB of disk; OPTIONS='--rounds 30')
	@kept=$$(mktemp -d); trap 'rm -rf "$$kept"' EXIT; \
		DATA_DIR=$$kept $(BIN)/flask bench growth --out docs/growth.md $(OPTIONS)

openapi: $(VENV)/.run ## Write docs/openapi.json
	@$(BIN)/flask openapi write

lock: ## Lock the requirements anew (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra test \
		-c requirements.txt pyproject.toml -o tests/requirements.txt

clean: ## Remove the virtual environment and all local data
	@rm -rf $(VENV) .data

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "kcardswap needs Python 3.11 or newer; say which with: make run PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing the locked requirements ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install $(PIP_OPTIONS) -r requirements.txt
	@touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.run
	@echo "Installing the locked test requirements ..."
	@$(BIN)/pip install $(PIP_OPTIONS) -r tests/requirements.txt
	@touch $@
