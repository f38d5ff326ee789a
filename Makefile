# `make demo` and `make test` set everything up by themselves: Python 3.11 is all they need.
PYTHON ?= python3
SEED ?= 0
BIN := .venv/bin

.PHONY: demo challenge-tiny test test-slow test-cluster test-reader first-hour matrix lint coverage docs package fuzz mutants gates reward rewards-table results guidance-cost engine chaos chaos-nodes test-storage storage test-trackers lag oracle gpu fast magi generators-page cards-page flops clean

demo: .venv/ready  ## best-of-16 on held-out scenes with two Ray pools; writes runs/demo/report.html
	$(BIN)/raysearch run jobs/demo.yaml --cluster clusters/local.yaml

challenge-tiny: .venv/ready  ## the Physics-IQ challenge end to end on a stand-in data set; writes runs/challenge-tiny
	$(BIN)/raysearch challenge jobs/challenge_tiny.yaml

test: .venv/ready lint  ## the usual tests, with lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: .venv/ready  ## what takes long: kills and resumes, nodes that die, torch.compile, every pipeline on a second device
	$(BIN)/python -m pytest -m slow

test-cluster: .venv/ready  ## jobs on clusters of this machine's own, killed and resumed: Ray's Jobs API, Slurm; minutes
	$(BIN)/python -m pytest -m "slow and cluster"

test-reader: .venv/ready  ## the README's first blocks word by word in a clean clone, and the notebook of examples/
	$(BIN)/python -m pytest -n 0 -m slow tests/test_blocks.py tests/report/test_notebook.py

matrix: .venv/ready  ## install without constraints and run the demo on the oldest and newest Python from 3.10 to 3.13 that are there
	$(BIN)/python -m benchmarks.matrix --json benchmarks/matrix.json

first-hour: .venv/ready  ## seconds to the first line of every command, and what mistakes print; writes docs/first-hour.md
	$(BIN)/python -m benchmarks.first_hour

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

coverage: .venv/ready  ## the usual tests with line coverage; fails below the floor in setup.cfg, which may only rise
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

docs: .venv/docs-ready  ## the documentation as a site, with an API reference; a broken link fails; writes site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

package: .venv/ready  ## build the wheel and the sdist, install them in an empty environment and run the command there
	$(BIN)/python -m pytest -m slow tests/test_package.py

fuzz: export OMP_NUM_THREADS = 1
fuzz: .venv/ready  ## broken jobs, models, videos, run folders: each right, or clear in a line; writes docs/robustness.md
	$(BIN)/python -m benchmarks.fuzz.jobs --files 1000 --lines 1000 --seed $(SEED) --json benchmarks/fuzz.json
	$(BIN)/python -m benchmarks.fuzz.models --count 100 --seed $(SEED) --json benchmarks/fuzz.json
	$(BIN)/python -m benchmarks.fuzz.media --count 300 --seed $(SEED) --json benchmarks/fuzz.json
	$(BIN)/python -m benchmarks.fuzz.folders --count 300 --seed $(SEED) --json benchmarks/fuzz.json
	$(BIN)/python -m benchmarks.fuzz.page

mutants: .venv/ready  ## small changes of the package, each of which the tests must notice; fails if one survives unexplained
	$(BIN)/python -m benchmarks.mutants

gates: .venv/ready  ## how good the shipped tiny pair is, against the limits it must meet
	$(BIN)/python -m benchmarks.gates --json benchmarks/gates.json

reward: .venv/ready  ## the V-JEPA 2 reward beside the published way, ViT-L with random weights; writes benchmarks/reward.json
	$(BIN)/python -m benchmarks.reward --json benchmarks/reward.json

rewards-table: .venv/ready  ## every reward against broken physics in the tiny world; writes benchmarks/rewards_table.json
	$(BIN)/python -m benchmarks.rewards_table

results: .venv/ready  ## what every search and way of choosing is worth on the tiny pair, two hours; writes docs/results.md
	$(BIN)/python -m benchmarks.results

guidance-cost: .venv/ready  ## what a guided step costs: seconds and memory here, arithmetic at the size of real models
	$(BIN)/python -m benchmarks.guidance_cost
	$(BIN)/python -m benchmarks.guidance_flops

engine: .venv/ready  ## what the Ray engine costs and how busy it keeps replicas; writes benchmarks/engine.json
	$(BIN)/python -m benchmarks.engine

chaos: .venv/ready  ## break workers, nodes and coordinators while searches run; prints what came of it
	$(BIN)/python -m benchmarks.chaos 2>/dev/null

chaos-nodes: .venv/ready  ## the same on two nodes that share nothing, in namespaces of this machine: needs Linux and root
	$(BIN)/python -m benchmarks.nodes --json benchmarks/nodes.json 2>/dev/null

test-storage: .venv/storage-ready  ## runs on real S3 and GCS servers of this machine: killed, resumed, two drivers, sweeps
	$(BIN)/python -m pytest -n 0 -m slow tests/test_object_stores.py

storage: .venv/storage-ready  ## requests a Move on a real S3 server; writes its table into docs/engine.md
	$(BIN)/python -m benchmarks.storage

test-trackers: .venv/trackers-ready  ## TensorBoard, Weights & Biases and MLflow in their local modes
	$(BIN)/python -m pytest -n 0 -m "slow or not slow" tests/observe/test_tracking.py tests/observe/trackers

flops: .venv/ready  ## what models at full size compute, counted without weights; writes benchmarks/flops.json
	$(BIN)/python -m benchmarks.flops

lag: .venv/ready  ## what scores that lag a step and repeated network calls cost, on exact chains; writes benchmarks/lag.json
	$(BIN)/python -m benchmarks.lag --json benchmarks/lag.json

gpu: .venv/ready  ## what is true on a GPU, in under ten minutes, without network; writes benchmarks/gpu.json and docs/gpu.md
	$(BIN)/python -m benchmarks.gpu

fast: .venv/ready  ## what few steps and cheap previews gain on held-out scenes; writes benchmarks/fast.json
	$(BIN)/python -m benchmarks.fast

magi: .venv/ready  ## how good the tiny MAGI-1 is, and what choosing chunk by chunk gains on it; writes a part of docs/magi1.md
	$(BIN)/python -m benchmarks.magi

oracle: .venv/ready  ## every search against exact answers, in one table
	$(BIN)/python -m benchmarks.oracle

generators-page: .venv/ready  ## docs/generators.md anew, from the contract suite
	$(BIN)/python -m tests.zoo.table > docs/generators.md

cards-page: .venv/ready  ## docs/cards.md anew, from raysearch/cards
	$(BIN)/python -m tests.cards.table > docs/cards.md

clean:
	rm -rf .venv runs build dist site *.egg-info

.venv/ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.venv/storage-ready: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[storage-tests]'
	touch $@

.venv/trackers-ready: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[tensorboard,wandb,mlflow]'
	touch $@

.venv/docs-ready: .venv/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@
