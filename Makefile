# One environment (.venv); CI runs `make test` and `make test-all`. `make` alone lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
BIN    := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.run node_modules/.done ## create .venv, with Node.js in it, and install the CDK CLI

.venv/.run: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	$(BIN)/pip install --quiet --requirement requirements-dev.txt
	@touch $@

node_modules/.done: package.json package-lock.json | .venv/.run
	npm ci --no-progress --no-audit --no-fund
	@touch $@

.PHONY: demo
demo: setup ## run the whole path on the embedded cloud; ONCE=1: end after the run
	$(BIN)/audit demo $(if $(ONCE),--once)

.PHONY: lint
lint: setup .venv/.dev ## ruff, ruff format, mypy --strict; the documented usage also under pyright, pyrefly and ty
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	pyright --pythonpath $(BIN)/python tests/typing
	$(BIN)/pyrefly check tests/typing
	$(BIN)/ty check --python .venv --exclude tests/typing/misuse.py tests/typing
	$(BIN)/python docs/make_reference.py --check

.PHONY: docs
docs: setup .venv/.dev ## write docs/reference/ from the program
	$(BIN)/python docs/make_reference.py

.PHONY: check
check: setup .venv/.dev ## style, types, and the unit tests that your change concerns: within a minute
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.concerned

.PHONY: test
test: lint ## what a change has to pass: within five minutes
	$(BIN)/pytest -n 2 --dist loadscope -m "not large"

.PHONY: test-all
test-all: setup .venv/.dev ## what is large by nature, such as the built distribution
	$(BIN)/pytest -m large -n 2 tests/simulation
	$(BIN)/pytest -m large --ignore tests/simulation

.PHONY: fuzz
fuzz: setup .venv/.dev ## run the property tests at random for SECONDS=300; print what to paste where one fails
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),300)

.PHONY: mutants
mutants: setup .venv/.dev ## mutate the changed lines for SECONDS=300: a test has to fail each time
	$(BIN)/python -m tests.mutants $(or $(SECONDS),300)

.PHONY: bench
bench: setup .venv/.dev ## run the benchmarks, each beside a peer in the same run
	$(BIN)/python bench/record_updated.py
	$(BIN)/python bench/memory.py
	$(BIN)/python bench/verify.py
	$(BIN)/python bench/destinations.py
	$(BIN)/python bench/orm.py
	$(BIN)/python bench/conformance.py
	$(BIN)/python bench/replay.py
	$(BIN)/python bench/synth.py
	$(BIN)/python bench/line_to_notification.py
	$(BIN)/python bench/embedded_cloud.py
	$(BIN)/python bench/demo.py

.PHONY: deploy diff destroy
deploy: setup ## list what it creates and costs, ask, deploy to the account of your AWS credentials; YES=1: do not ask
	$(BIN)/audit deploy $(if $(YES),--yes)

diff: setup ## show what the next deployment would change
	cdk diff --all

destroy: setup ## delete the stack; the audit log group, its key and the rejected records are retained
	cdk destroy --all

.PHONY: lock
lock: .venv/.dev ## pin the packages of the *.in files again
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.txt requirements.in
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --constraint requirements.txt --output-file lambda/forwarder/requirements.txt lambda/forwarder/requirements.in

.PHONY: clean
clean: ## remove everything that was built, .venv and node_modules included
	rm -rf .venv build cdk.out node_modules
