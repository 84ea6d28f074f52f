# `make repro` and `make test` each set up what they need. PYTHON names another interpreter (3.11 to 3.13).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export PYTHONUNBUFFERED := 1

.DEFAULT_GOAL := help

$(VENV)/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: setup repro sweep test test-services lint check lock help clean

setup: $(VENV)/.ready  ## Make the environment with the locked dependencies

repro: setup  ## Run the whole pipeline and print the figures of all models
	dvc repro
	detente results

# What `make sweep` tries.
SWEEP ?= -S train_baseline.topic_c=3,10,30

sweep: setup  ## Try a small grid of the baseline's params and print the comparison
	detente sweep evaluate@baseline $(SWEEP)

test: setup  ## Run the tests
	pytest

test-services: setup  ## Run the tests that need PostgreSQL or environments of their own; a root installs it
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null; }
	pytest -m services

lint: setup  ## Style, types and import layers
	ruff check .
	ruff format --check .
	mypy
	lint-imports

lock:  ## Resolve the dependencies anew and write requirements.lock
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0 setuptools
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m pip freeze --exclude-editable --all | grep -v '^pip==' | sed 's/^torch==.*/torch==2.13.0/' > requirements.lock

clean:  ## Remove the environment and all that was made: models, their cache, runs
	rm -rf $(VENV) mlflow.db mlflow.lock mlartifacts mlspool .dvc/cache .dvc/tmp
	git clean -fdX data models

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22
