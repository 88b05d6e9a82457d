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
	$(DEMO)/rdptheory demo --out report

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

# The demonstration needs pictures and one small data set, and neither torch nor cvxpy.
.demo/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .demo
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(DEMO)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[plot,data]"
	touch $@

clean:
	rm -rf .venv .demo build report *.egg-info
