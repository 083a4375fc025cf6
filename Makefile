# `make train` and `make test` do everything they need on a fresh machine; plain python3 and pip suffice.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup train test slow check clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## make the virtual environment and install the project

train: setup ## train English to German on the corpus that ships with the project
	$(BIN)/python -m seq2seq_pl.train task=translation

test: $(VENV)/.installed-dev ## install what tests need and run all but the slow ones
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not slow"

slow: $(VENV)/.installed-dev ## run the slow tests: whole commands, trainings that learn
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m slow

check: $(VENV)/.installed-dev ## ruff, mypy --strict and what `make test` runs
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not slow"

clean: ## remove the environment and caches, keep runs/
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	@touch $(VENV)/.installed $@
