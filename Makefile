# What a user needs: make run, make test. `make help` lists the rest.

SCENARIO ?= card-default
DATA ?=
AS_OF ?=
PIPELINE ?=
PYTHON ?= $(shell command -v python3.11 || command -v python3)

# Images: the program that builds them, or the tool of a test cluster that also takes them.
BUILDER ?= docker
CLUSTER ?=
OVERLAY ?= kind

BIN := .venv/bin
READY := .venv/.ready
VINTAGE := $(BIN)/vintage
# One resolution, and each image's part of it beside its Dockerfile.
LOCKED := uv pip compile pyproject.toml --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-header --no-annotate --quiet
IMAGES := components/etl components/training serving
EXTRAS_components/etl := spark tasks scoring
EXTRAS_components/training := model monitoring tasks scoring
EXTRAS_serving := scoring serving
LOCKS := requirements.lock $(IMAGES:%=%/requirements.lock)
# $(call locks,FOLDER): write them all below a folder, keeping of the one there what can stay
locks = $(BIN)/$(LOCKED) --all-extras -o $(1)/requirements.lock $(foreach image,$(IMAGES),&& \
	$(BIN)/$(LOCKED) $(EXTRAS_$(image):%=--extra %) -c $(1)/requirements.lock \
	-o $(1)/$(image)/requirements.lock)

export DO_NOT_TRACK = 1

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) ## make the environment (the other targets do it themselves)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] == (3, 11) else \
	"make: expected Python 3.11, found %d.%d; name one with PYTHON=" % v[:2])'
	@echo "setting up .venv (minutes, the first time)"
	@$(PYTHON) -m venv .venv
	@# The lock is whole; an older pip that looks for more finds extras without a hash.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: run
run: $(READY) ## train SCENARIO on DATA (default: sample data), AS_OF a day, to a deployed champion
	@$(VINTAGE) run "$(SCENARIO)" $(if $(DATA),--data "$(DATA)") $(if $(AS_OF),--as-of "$(AS_OF)")

.PHONY: explore
explore: $(READY) ## a page about SCENARIO's data, without a model
	@$(VINTAGE) run "$(SCENARIO)" --pipeline exploration $(if $(DATA),--data "$(DATA)") \
		$(if $(AS_OF),--as-of "$(AS_OF)")

.PHONY: test
test: $(READY) ## run the tests, in two processes, with coverage
	@$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered --cov-fail-under=90

.PHONY: lint
lint: $(READY) ## ruff, mypy, the import rules, the lock files, the image tags
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@mkdir -p $(IMAGES:%=.venv/locks/%) && cp requirements.lock .venv/locks/ && \
		$(call locks,.venv/locks) && for lock in $(LOCKS); do cmp -s $$lock .venv/locks/$$lock || \
		{ echo "$$lock: expected what pyproject.toml resolves to; run: make lock"; exit 1; }; done
	@$(BIN)/python manifests/images.py check

.PHONY: format
format: $(READY) ## let ruff write the code's format
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

.PHONY: lock
lock: $(READY) ## resolve the dependencies again, keeping what can stay
	@$(call locks,.) && $(MAKE) --no-print-directory pin

.PHONY: pin
pin: $(READY) ## write the image tags of this tree to the one list that has them
	@$(BIN)/python manifests/images.py pin

# serving.py and local_pipeline.py install peers of theirs, about 1 GB the first time.
.PHONY: bench
bench: $(READY) ## run the benchmarks; one JSON line each
	@for file in benchmarks/[a-z]*.py; do $(BIN)/python -m $$(echo $${file%.py} | tr / .) || exit 1; done

.PHONY: compile
compile: $(READY) ## write every scenario's pipeline as KFP IR YAML to build/
	@$(VINTAGE) compile

.PHONY: submit
submit: $(READY) ## run SCENARIO's PIPELINE (default: training) on the KFP of VINTAGE_KFP or KUBECONFIG
	@$(VINTAGE) submit "$(SCENARIO)" $(if $(PIPELINE),--pipeline "$(PIPELINE)") \
		$(if $(DATA),--data "$(DATA)") $(if $(AS_OF),--as-of "$(AS_OF)")

.PHONY: images
images: $(READY) ## build the images with BUILDER (docker, podman, buildah) or a test CLUSTER's tool
	@BUILDER="$(BUILDER)" CLUSTER="$(CLUSTER)" $(BIN)/python manifests/images.py build

.PHONY: cluster
cluster: $(READY) ## a kind cluster with cert-manager, KServe and KFP; takes the images if they are built
	@manifests/cluster up $$($(BIN)/python manifests/images.py names)

.PHONY: cluster-down
cluster-down: ## delete the kind cluster
	@manifests/cluster down

.PHONY: deploy
deploy: ## deploy OVERLAY (kind, production) on the cluster of KUBECONFIG, layer by layer
	@manifests/deploy "$(OVERLAY)"

.PHONY: undeploy
undeploy: ## delete everything that deploy made, data included
	@kubectl delete -k "manifests/overlays/$(OVERLAY)" --ignore-not-found

.PHONY: e2e
e2e: $(READY) ## the end-to-end tests on KUBECONFIG's cluster, or on CLUSTER's, from nothing
	@BUILDER="$(BUILDER)" CLUSTER="$(CLUSTER)" tests/e2e/run

.PHONY: clean
clean: ## remove what runs left (.vintage, build); the environment stays
	@rm -rf .vintage build .coverage
