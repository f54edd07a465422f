# One environment (.venv), one target for CI (test). `make` alone lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
PYTHON ?= python3
BIN    := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.run node_modules/.done ## make .venv, with Node.js in it, and the CDK CLI

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
demo: setup ## the whole path on the embedded cloud; ONCE=1 ends by itself
	$(BIN)/audit demo $(if $(ONCE),--once)

.PHONY: lint
lint: setup .venv/.dev ## ruff, ruff format, mypy --strict; the documented usage under pyright, pyrefly and ty too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	pyright --pythonpath $(BIN)/python tests/typing
	$(BIN)/pyrefly check tests/typing
	$(BIN)/ty check --python .venv --exclude tests/typing/misuse.py tests/typing
	$(BIN)/python docs/make_reference.py --check

.PHONY: docs
docs: setup .venv/.dev ## docs/reference/, written from the program
	$(BIN)/python docs/make_reference.py

.PHONY: check
check: setup .venv/.dev ## within a minute: style, types, and the unit tests that your change concerns
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.concerned

.PHONY: test
test: lint ## what a change has to pass: within five minutes
	$(BIN)/pytest -n 2 --dist loadscope -m "not large"

.PHONY: test-all
test-all: setup .venv/.dev ## what is large by nature, such as the built distribution
	$(BIN)/pytest -m large

.PHONY: fuzz
fuzz: setup .venv/.dev ## the property tests at random for SECONDS=300; prints what to paste where one fails
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),300)

.PHONY: mutants
mutants: setup .venv/.dev ## change the changed lines a little for SECONDS=300: a test has to fail each time
	$(BIN)/python -m tests.mutants $(or $(SECONDS),300)

.PHONY: bench
bench: setup .venv/.dev ## what is measured, beside a peer in the same run
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
deploy: setup ## say what it makes and costs, then deploy to the account your AWS credentials name; YES=1 asks nothing
	$(BIN)/audit deploy $(if $(YES),--yes)

diff: setup ## what the next deploy would change there
	cdk diff --all

destroy: setup ## delete the stack there; the audit log group, its key and the rejected records stay
	cdk destroy --all

.PHONY: lock
lock: .venv/.dev ## pin again what the *.in files ask for
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.txt requirements.in
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in
	$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --constraint requirements.txt --output-file lambda/forwarder/requirements.txt lambda/forwarder/requirements.in

.PHONY: clean
clean: ## remove what the build made, .venv and node_modules included
	rm -rf .venv build cdk.out node_modules
