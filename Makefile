# `make demo` shows the main job, `make test` proves it; both set up their own virtual environment first.
unexport PYTHONPATH
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MPLBACKEND = Agg

PYTHON ?= python3
BIN = .venv/bin
DEMO = .demo/bin
CORE = $(wildcard rdptheory/_native/*.[ch] build_tools/*.py)

N ?= 30000

.PHONY: demo test coverage attack malformed check docs clean

# neural/studies.json is what `python -m neural check --preset smoke --json` printed last; the page shows it.
demo: .demo/.ready
	$(DEMO)/rdptheory demo --out report $(addprefix --studies ,$(wildcard neural/studies.json))

# Two processes; a file of tests stays in one of them, which makes its fixtures once.
test: check
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The tests under a tracer that slows them, and what they leave out; fails below 95 % of the branches.
coverage: check
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
	$(BIN)/python -m coverage json --quiet -o - | $(BIN)/python -c 'import json, sys; \
	    share = json.load(sys.stdin)["totals"]["percent_branches_covered"]; \
	    print(f"{share:.1f} % of the branches"); sys.exit(share < 95.0)'

# 5,000 hostile questions, both ends of every bracket recomputed to fifty digits: about half an hour.
attack: .venv/.ready
	$(BIN)/python -m tests.attack.run --count 5000

# So many malformed calls of every public entrance; `make test` makes 500.
malformed: .venv/.ready
	nice $(BIN)/python -m tests.malformed $(N)

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

.venv/.ready: setup.cfg setup.py pyproject.toml constraints.txt $(CORE)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]"
	touch $@

# The demonstration needs pictures, a template engine and one small data set, and neither torch nor cvxpy.
.demo/.ready: setup.cfg setup.py pyproject.toml constraints.txt $(CORE)
	$(PYTHON) -m venv .demo
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[report]"
	touch $@

# GALLERY=0 leaves the pictures of the examples out, which `make test` runs anyhow.
docs: .docs/.ready
	.docs/bin/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html

.docs/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .docs
	.docs/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	.docs/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[docs]"
	touch $@

clean:
	rm -rf .venv .demo .docs docs/_build docs/gallery docs/interface.md build report *.egg-info
