# The same verbs by hand and in CI. Each makes .venv by itself when it is missing or out of date.
# `make demo` and `make test` are all a fresh machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# faiss-cpu by default; on a machine with a GPU: make EXTRAS=gpu,offline,bench,dev demo
EXTRAS ?= cpu,offline,bench,dev
COLLECTIONS ?= $(wildcard collections/*)
# Further options of `bench run` or `bench load`: make bench BENCH="--peers"
BENCH ?=
# Where `make bench` leaves its report.
REPORT ?= data/bench/report
DEMO_SETTINGS := demo-data/authority-search.toml
# Without settings of one's own, `make serve` serves what `make demo` made.
SETTINGS := $(if $(wildcard authority-search.toml),,$(if $(wildcard $(DEMO_SETTINGS)),--settings $(DEMO_SETTINGS)))

.PHONY: demo test check bench bench-load serve format clean

demo: $(VENV)/installed ## Crawl a live site on this machine, index it, serve it, search it
	$(BIN)/authority-search demo

test: $(VENV)/installed ## Run all tests
	$(BIN)/pytest -n logical --dist worksteal

check: $(VENV)/installed ## Lint, formatting, types, import directions
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed ## Judge retrieval on BEIR collections, against pinned floors: make bench COLLECTIONS="path/to/scifact"
	@test -n "$(COLLECTIONS)" || { echo 'no collections in BEIR layout: put some into collections/, or make bench COLLECTIONS="path/to/scifact ..."'; exit 2; }
	$(BIN)/authority-search bench run $(COLLECTIONS) --out $(REPORT) $(BENCH)
	$(BIN)/authority-search bench gate $(REPORT)/results.json --present

bench-load: $(VENV)/installed ## Load on a service over the live snapshot: queries/s, latency, overhead. Options: make bench-load BENCH="--seconds 2"
	$(BIN)/authority-search $(SETTINGS) bench load --out $(REPORT) $(BENCH)

serve: $(VENV)/installed ## Serve the live snapshot
	$(BIN)/authority-search $(SETTINGS) serve

format: $(VENV)/installed ## Put the code into its standard form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## Remove what the other verbs made, but no data
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

$(VENV)/installed: pyproject.toml constraints.txt client/pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[$(EXTRAS)]"
	touch $@
