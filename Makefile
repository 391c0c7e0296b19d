# Everything that CI does is a target here; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PACKAGES := protos kit gateway auth-service prompt-service generation-service deploy/local tests/fakes
TESTED := kit gateway auth-service prompt-service generation-service deploy/local tests
UNIT := kit gateway auth-service prompt-service generation-service tests/contract
INSTALLED := .venv/installed
# Their stubs and scripts are made on install, so a change of any of these asks for another one.
INSTALL_INPUTS := constraints.txt requirements-dev.txt protos/hatch_build.py \
	$(addsuffix /pyproject.toml,$(PACKAGES)) $(shell find protos/promptsphere -name '*.proto')
# The same versions in isolated builds; pip reads the second name since 25.3.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/python -m pip \
	--disable-pip-version-check -qq

# What the launcher understands, as `make run PORT=8001` or from the environment.
export PORT HOST DATA_DIR ENGINE DASHSCOPE_API_KEY DASHSCOPE_API_KEY_FILE DASHSCOPE_BASE_URL MYSQL_URL REDIS_URL
export WORKERS METRICS_PORT
export SENTENCE

.PHONY: help setup run demo test check lint unit golden openapi bench format servers clean

help: ## Show this list
	@echo "Prompt Sphere. Usage: make TARGET [PORT=8000] [DATA_DIR=.promptsphere] ..."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 15
	@echo
	@echo "Settings of run and demo: PORT HOST DATA_DIR ENGINE DASHSCOPE_API_KEY_FILE DASHSCOPE_BASE_URL"
	@echo "                          MYSQL_URL REDIS_URL WORKERS METRICS_PORT (see README.md)"

setup: $(INSTALLED) ## Make .venv with everything in it (the others do this by themselves)

run: $(INSTALLED) ## Start everything in the foreground; Ctrl-C stops it
	@exec $(BIN)/python -m local_stack run

demo: $(INSTALLED) ## Walk from a sentence to a served prompt; make demo SENTENCE="..."
	@exec $(BIN)/python -m local_stack demo $${SENTENCE:+"$$SENTENCE"}

test: lint servers ## All checks and tests, on SQLite and MariaDB, with the real processes
	@$(BIN)/pytest --quiet --numprocesses 2 --dist worksteal -m "not e2e" $(TESTED)
	@$(BIN)/pytest --quiet tests/e2e tests/golden -m e2e

check: lint unit ## Style, types, imports, contracts, and the tests that need no server; < 2 min

lint: $(INSTALLED) ## Style, types, imports, contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@for folder in $(filter-out protos,$(PACKAGES)) tests/contract tests/e2e tests/golden tests/load; do \
		$(BIN)/mypy --no-error-summary $$folder; done
	@$(BIN)/lint-imports --no-logo
	@cd protos && ../$(BIN)/buf lint

unit: $(INSTALLED) ## Tests that need no installed server
	@$(BIN)/pytest --quiet --numprocesses 2 --dist worksteal --database=sqlite -m "not e2e and not slow" $(UNIT) \
		--ignore tests/contract/test_deployment.py

golden: $(INSTALLED) ## Compare all answers with the recorded ones; RECORD=1, TEXTS=folder
	@PYTHONPATH=tests exec $(BIN)/python -m golden $(if $(RECORD),--record) $(if $(TEXTS),--texts "$(TEXTS)")

openapi: $(INSTALLED) ## Write gateway/openapi.json anew; a test compares it with what is served
	@$(BIN)/python gateway/write_openapi.py

bench: $(INSTALLED) ## Measure the product against the floor in the same run
	@exec $(BIN)/python tests/load/bench.py

format: $(INSTALLED) ## Rewrite the sources in the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

servers: ## Install what the tests need beside Python packages: MariaDB, nginx
	@deploy/local/install-servers

clean: ## Remove .venv, caches and generated stubs; your data (.promptsphere) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' -o -name '*_pb2*.py' \
		-o -name '*_pb2*.pyi' \) -prune -exec rm -rf {} +

$(INSTALLED): $(INSTALL_INPUTS)
	@if [ ! -x $(BIN)/python ]; then \
		python=$$(command -v python3.11 || command -v python3 || true); \
		if ! "$${python:-false}" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
			echo "Python 3.11 is needed: install it (Debian: apt-get install python3.11-venv)." >&2; exit 1; fi; \
		echo "setting up .venv (a minute or two)"; "$$python" -m venv .venv; fi
	@# Build tools first, then ours without isolated builds: one download of each instead of one a package.
	@$(PIP) install -r requirements-dev.txt
	@# The kit before those that name its extras: pip 23 takes an editable and its extras for two packages.
	@$(PIP) install --no-build-isolation -e protos -e 'kit[db,testing]'
	@$(PIP) install --no-build-isolation $(foreach package,$(filter-out protos kit,$(PACKAGES)),-e $(package))
	@touch $@
