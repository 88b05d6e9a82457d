# `make demo` shows the main job, `make test` proves it; both set up their own virtual environment first.
unexport PYTHONPATH
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MPLBACKEND = Agg

PYTHON ?= python3
BIN = .venv/bin
DEMO = .demo/bin

.PHONY: demo test check clean

demo: .demo/.ready
	$(DEMO)/rdptheory demo --out report $(addprefix --studies ,$(wildcard neural/studies.json))

test: check
	$(BIN)/python -m pytest

check: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

.venv/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[all]"
	touch $@

# The demonstration needs pictures, a template engine and one small data set, and neither torch nor cvxpy.
.demo/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .demo
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[report]"
	touch $@

clean:
	rm -rf .venv .demo build report *.egg-info
