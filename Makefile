# `make demo` and `make test` set everything up by themselves: Python 3.11 is all they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo challenge-tiny test lint gates best-of-n guidance oracle clean

demo: .venv/ready  ## best-of-16 on held-out scenes with two Ray pools; writes runs/demo/report.html
	$(BIN)/raysearch run jobs/demo.yaml --cluster clusters/local.yaml

challenge-tiny: .venv/ready  ## the Physics-IQ challenge end to end on a stand-in data set; writes runs/challenge-tiny
	$(BIN)/raysearch challenge jobs/challenge_tiny.yaml

test: .venv/ready lint  ## all tests; under ten minutes on two cores
	$(BIN)/python -m pytest

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

gates: .venv/ready  ## how good the shipped tiny pair is, against the limits it must meet
	$(BIN)/python -m benchmarks.gates --json benchmarks/gates.json

best-of-n: .venv/ready  ## what best-of-N gains on 64 held-out scenes; writes benchmarks/best_of_n.json
	$(BIN)/python -m benchmarks.best_of_n

guidance: .venv/ready  ## what steering gains, alone and with selection, at equal cost; writes benchmarks/guidance_gain.json
	$(BIN)/python -m benchmarks.guidance_gain

oracle: .venv/ready  ## every search against exact answers, in one table
	$(BIN)/python -m benchmarks.oracle

clean:
	rm -rf .venv runs build *.egg-info

.venv/ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
