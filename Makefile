# `make` lists what there is. Each target sets up .venv first where that is missing or older than the lock.
SHELL := /bin/sh
BIN := .venv/bin
PYTEST_ARGS ?= -n auto
.DEFAULT_GOAL := help

# make migration "describe the change": make takes the words for goals; hand them on and build none of them.
ifeq ($(firstword $(MAKECMDGOALS)),migration)

phrase := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
m ?= $(phrase)
export m

.PHONY: migration $(phrase)
migration:
	@scripts/setup runtime
	@$(BIN)/homelog migration "$$m"

# In quotes the words reach make as one goal, which only the last-resort rule matches.
$(phrase): ; @:
.DEFAULT: ; @:

else

.PHONY: help setup run test check fix psql migration status migrate downgrade schema docs bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything that development needs
	@scripts/setup

run: ## Serve the API, on an embedded PostgreSQL unless DATABASE_URL is set
	@scripts/setup runtime
	@exec $(BIN)/homelog up

test: ## Run all tests; PYTEST_ARGS="-k readings" runs some
	@scripts/setup
	@scripts/oidc
	@$(BIN)/pytest $(PYTEST_ARGS)

check: ## Check style, types, SQL, generated files and sql/checks; writes nothing
	@scripts/setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint sql service bench
	$(BIN)/squawk sql/migrations/*.sql
	$(BIN)/homelog schema --check
	$(BIN)/homelog docs --check
	$(BIN)/homelog db check --new

fix: ## The same, mending what a machine can mend
	@scripts/setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix service bench sql/checks # what has landed in sql/init and sql/migrations is never edited
	$(BIN)/homelog schema
	$(BIN)/homelog docs

psql: ## Open psql on the database as homelog_ops, which only reads
	@scripts/setup runtime
	@$(BIN)/homelog psql

migration: ## Start a migration: make migration "describe the change"

status: ## Say which database this is, and what its schema has and lacks
	@scripts/setup runtime
	@$(BIN)/homelog db status

migrate: ## Apply the migrations that are missing
	@scripts/setup runtime
	@$(BIN)/homelog migrate

downgrade: ## Roll the last migration back
	@scripts/setup runtime
	@$(BIN)/homelog downgrade

schema: ## Write sql/schema.sql and sql/facts.jsonl from the baseline and the migrations
	@scripts/setup
	@$(BIN)/homelog schema

docs: ## Write the generated documents
	@scripts/setup
	@$(BIN)/homelog docs

bench: ## Measure the rows of bench/results.md; ROW=ingest one of them, FULL=1 growth to ten million readings
	@scripts/setup
	@$(BIN)/python -m bench $(ROW) $(if $(FULL),--full)

lock: ## Pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --upgrade \
	    --group build --output-file requirements.txt pyproject.toml
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --upgrade \
	    --group build --group dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

clean: ## Remove .venv and caches; your data stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis

endif
