# Two commands do everything: `make lab` and `make test`. `make help` lists the rest.

PYTHON ?= python3
PORT ?= 8888
OUT ?= graded
BROWSER ?= 1
TESTS ?= tests notebooks solutions

VENV ?= .venv
BIN := $(VENV)/bin
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
endif
STAMP := $(VENV)/.set-up
WORKSHOP := $(VENV)/.set-up-workshop
# Whoever names a Python gets that one: an environment of another version is made anew.
VERSION := -c "import sys; print(*sys.version_info[:2], sep='.')"
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(BIN)/python*),)
ANEW := $(if $(filter-out $(shell $(BIN)/python $(VERSION) 2>&1),$(shell $(PYTHON) $(VERSION) 2>&1)),anew)
endif
endif
BARE := $(if $(filter 0,$(BROWSER)),--no-browser,)

.DEFAULT_GOAL := help
.PHONY: help setup lab doctor test thorough quick check bench notebooks exercises reference slides grade lock environment clean anew

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 20

# Runs again only when one of its inputs is newer than the stamp.
$(STAMP): pyproject.toml constraints.txt tools/overrides.json tools/set_up.py $(ANEW)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "The course needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(if $(ANEW),@echo "$(VENV) has another Python than $(PYTHON): it is made anew.")
	@$(PYTHON) tools/set_up.py $(if $(ANEW),--clear) $(VENV)
	@mkdir -p $(VENV)/share/jupyter/lab/settings && cp tools/overrides.json $(VENV)/share/jupyter/lab/settings/
	@touch $(STAMP)

# What only tests and an instructor need. Its buttons stay out of the JupyterLab of `make lab`.
$(WORKSHOP): $(STAMP) tools/page_config.json
	@$(PYTHON) tools/set_up.py $(VENV) test workshop
	@mkdir -p $(VENV)/etc/jupyter/labconfig && cp tools/page_config.json $(VENV)/etc/jupyter/labconfig/
	@touch $(WORKSHOP)

setup: $(STAMP)  ## only set up; `make lab` does it by itself

# The course's own notebooks are trusted, so that their pictures show before anything is run.
lab: $(STAMP)  ## open the course in JupyterLab (PORT=8888, BROWSER=0: do not open a browser)
	@$(BIN)/python tools/trust.py
	$(BIN)/jupyter lab --config=tools/jupyter_lab_config.py --ip=127.0.0.1 --port=$(PORT) $(BARE) \
	  --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	  $(if $(filter 0,$(shell id -u 2>/dev/null)),--allow-root,)

doctor:  ## say what is missing on this machine, and how to fix it
	@$(PYTHON) tools/doctor.py --port $(PORT) $(if $(filter file,$(origin VENV)),,--venv "$(VENV)")

test: $(WORKSHOP)  ## run every test: code, notebooks, browser (PYTHON=python3.13 VENV=.venv-3.13: on another Python)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg $(TESTS)

thorough: $(WORKSHOP)  ## every test, and those that only repeat a kind: more seeds, more answers of one shape
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --thorough --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg $(TESTS)

quick: $(WORKSHOP)  ## the tests that fit in a minute: no notebook, no browser, no long search
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow and not browser" tests

check: $(WORKSHOP)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(WORKSHOP)  ## measure against peers, print ratios
	$(BIN)/python -m benchmarks

notebooks: $(STAMP)  ## run every notebook again and store its outputs
	$(BIN)/python tools/notebooks.py notebooks/*.ipynb

exercises: $(WORKSHOP)  ## make exercises/ from solutions/
	$(BIN)/python tools/exercises.py

reference: $(STAMP)  ## write docs/reference.md from the docstrings
	$(BIN)/python tools/reference.py

slides: $(STAMP)  ## a deck of each lesson in build/slides, to be shown without a network
	$(BIN)/python tools/slides.py build

grade: $(WORKSHOP)  ## grade a class: SUBMISSIONS=folder, OUT=graded, EXERCISE=one of them (all)
	$(BIN)/python tools/grade.py "$(SUBMISSIONS)" --out "$(OUT)" $(if $(EXERCISE),--exercise "$(EXERCISE)",)

lock: $(STAMP)  ## choose versions anew: constraints.txt and environment.yml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --no-header --no-annotate --upgrade \
	  --python-version 3.11 --extra test --extra workshop pyproject.toml -o constraints.txt
	$(MAKE) environment

environment: $(STAMP)  ## write environment.yml from pyproject.toml
	$(BIN)/python tools/environment.py > environment.yml

clean:  ## remove what set-up and tests left behind
	rm -rf $(VENV) test-artifacts build graded *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
