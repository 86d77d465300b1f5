# The two commands of the README: make demo, make test. Each sets up .venv first when needed.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DATA   ?=
JOBS   ?= 2
SEED   ?= 0
COUNT  ?= 5000

# worksteal: each worker has a half of the tests in their order, so that fixtures of a module are made once; who is done
# first takes from the other
.PHONY: install demo test test-all test-gpu fuzz check lint types contracts bench docs clean

install: $(READY)

# the stamp is touched last, so an interrupted installation is done again
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ostinato needs Python 3.11 or later, this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY)
	$(BIN)/ostinato demo $(DATA)

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-all: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m 'slow or not slow'

test-gpu: $(READY)
	OSTINATO_TEST_DEVICE=cuda $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/contract/test_contract.py tests/layers/test_devices.py tests/layers/test_autocast.py

# one architecture again: make fuzz SEED=123 COUNT=1
fuzz: $(READY)
	cd tests && ../$(BIN)/python -m contract.architectures --seed $(SEED) --count $(COUNT) --jobs $(JOBS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

check: lint types contracts test

bench: $(READY)
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# a wrong link, a name that does not exist, a page left out: each fails
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean --site-dir site
	@echo "open site/index.html"

clean:
	rm -rf $(VENV) build dist site
