# make demo   the main job on the embedded data
# make test   every check; the same as .ci/run
# PYTHON=python3.12 make test   with another interpreter

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SOURCES := setup.cfg pyproject.toml

.PHONY: demo test lint types tests docs assets format clean

demo: .venv/.installed
	@$(BIN)/exec-algos demo

test: lint types tests

lint: .venv/.installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: .venv/.installed-dev
	$(BIN)/mypy

tests: .venv/.installed-dev .venv/.browser
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --numprocesses auto --dist loadgroup
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The tables of docs/algorithms.md come from the registered algorithms, the images of docs/gallery.md from the code beside them.
docs: .venv/.installed-dev
	$(BIN)/python docs/make_tables.py
	$(BIN)/python docs/make_gallery.py

# The libraries of the report's page, by name and version from npm.
assets:
	$(PYTHON) tools/make_assets.py

format: .venv/.installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf .venv build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@for python in $(PYTHON) python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    $$python -m venv .venv && exit 0; rm -rf .venv; exit 1; \
	  fi; \
	done; echo "exec_algos needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3"; exit 1

.venv/.installed: $(SOURCES) | .venv/bin/python
	@echo "installing exec_algos into .venv"
	@$(PIP) install --editable .
	@touch $@

# The development environment holds all that the plain one does, so neither undoes the other.
.venv/.installed-dev: $(SOURCES) | .venv/bin/python
	@echo "installing exec_algos with its development tools into .venv"
	@$(PIP) install --editable '.[dev]'
	@touch .venv/.installed $@

# For the tests of the report's page. Without a browser they are skipped and the run goes on; the next run tries again.
.venv/.browser: | .venv/bin/python
	@if tools/install_browser.sh; then touch $@; fi
