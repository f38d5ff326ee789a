# `make demo` and `make test` set everything up by themselves: Python 3.10 or later is all they need.
PYTHON ?= python3
BIN := .venv/bin

.venv/ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
