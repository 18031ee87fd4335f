# What a user needs: make run, make test. `make help` lists the rest.

SCENARIO ?= card-default
DATA ?=
PYTHON ?= $(shell command -v python3.11 || command -v python3)

BIN := .venv/bin
READY := .venv/.ready
VINTAGE := $(BIN)/vintage
LOCKED := pip compile pyproject.toml --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-header --no-annotate --quiet

export DO_NOT_TRACK = 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) ## make the environment (the other targets do it themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] == (3, 11) else \
	"make: expected Python 3.11, found %d.%d; name one with PYTHON=" % v[:2])'
	@echo "setting up .venv (minutes, the first time)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: run
run: $(READY) ## train SCENARIO on DATA (default: sample data) to a deployed champion
	@$(VINTAGE) run "$(SCENARIO)" $(if $(DATA),--data "$(DATA)")

.PHONY: test
test: $(READY) ## run the tests, with coverage
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --cov-fail-under=90

.PHONY: lint
lint: $(READY) ## ruff, mypy, the import rules, the lock file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cp requirements.lock .venv/lock && $(BIN)/uv $(LOCKED) -o .venv/lock && \
		diff requirements.lock .venv/lock >/dev/null || \
		{ echo "requirements.lock: expected what pyproject.toml resolves to; run: make lock"; exit 1; }

.PHONY: format
format: $(READY) ## let ruff write the code's format
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: lock
lock: $(READY) ## resolve the dependencies again, keeping what can stay
	@$(BIN)/uv $(LOCKED) -o requirements.lock

.PHONY: bench
bench: $(READY) ## run the benchmarks; one JSON line each
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python -m $$(echo $${file%.py} | tr / .) || exit 1; done

.PHONY: compile
compile: $(READY) ## write every scenario's pipeline as KFP IR YAML to build/
	@$(VINTAGE) compile

.PHONY: clean
clean: ## remove what runs left (.vintage, build); the environment stays
	@rm -rf .vintage build .coverage
