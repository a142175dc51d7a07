# mailhub: `make run` starts a server, `make test` proves it. `make help` lists the rest.

# Debian's own where it is new enough: it is built with a profile of itself, which many a python3 on a
# developer's PATH is not, and runs mailhub 1.4 times as fast as one built without.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo /usr/bin/python3 || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
VAR ?= var
CONFIG ?= etc/loopback.toml
N ?= 20
PYTEST := $(BIN)/python -m pytest
# Power cuts need loop devices, hence root; without it there are none.
CUTS ?= $(if $(filter 0,$(shell id -u)),$(N),0)
# One worker a core; the live tests wait for servers of their own as much as they work.
JOBS ?= auto
LIVE_JOBS ?= 4
UNIT := $(PYTEST) -n $(JOBS) -m "not live and not crash"
QUICK := $(PYTEST) -n $(JOBS) -m "not live and not crash and not thorough"
# tests/live/conftest.py says what belongs together and what begins first.
LIVE := $(PYTEST) -n $(LIVE_JOBS) --dist loadfile --no-loadscope-reorder
# Every process that compiles everything again takes three seconds more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-scale check lint bench crash faults fuzz sample catalogs packages clean

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 12

run: $(VENV)/.run ## Start a server on loopback ports, everything below ./var
	@exec $(BIN)/twistd --nodaemon --pidfile= mailhub --config $(CONFIG) --data $(VAR)

test: packages $(VENV)/.test ## Lint, unit, contract, live and crash tests
	$(UNIT)
	$(call beside_lint,$(LIVE) -m "(live or crash) and not scale" tests/live tests/contract)

test-scale: packages $(VENV)/.test ## What `test` leaves out: several nodes, clusters, faults; all faces on what nodes share
	$(LIVE) -m scale tests/live tests/contract
	TEST_STORE=nodes $(LIVE) -m "live and not crash and not scale" tests/live

check: $(VENV)/.test ## The quick part, under a minute: lint, types, imports, most tests without servers
	$(call beside_lint,$(QUICK))

# Runs $(1) while what lint says is kept, and says that last. Either failure is the recipe's.
define beside_lint
@echo '$(1)'; \
nice $(MAKE) --no-print-directory lint >$(VENV)/lint.log 2>&1 & lint=$$!; \
$(1); status=$$?; \
wait $$lint || status=1; \
cat $(VENV)/lint.log; exit $$status
endef

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mailhub
	$(BIN)/lint-imports

bench: packages $(VENV)/.test ## Speed, disk and memory beside Postfix and Dovecot (needs root)
	$(BIN)/python -m bench.run $(ARGS)

crash: $(VENV)/.test ## N kills and power cuts under load (power cuts need root): make crash N=1000
	$(BIN)/python -m tests.live.crash.loop --kills $(N) --cuts $(CUTS)
	$(BIN)/python -m tests.live.crash.sending --cycles $(N)

faults: packages $(VENV)/.test ## N faults of several nodes under load, half of them with a bucket and standbys: make faults N=1000
	$(BIN)/python -m tests.live.faults.loop --cycles $$(( ($(N) + 1) / 2 ))
	$(BIN)/python -m tests.live.faults.loop --cycles $$(( $(N) / 2 )) --s3 --pairs

fuzz: $(VENV)/.fuzz ## Coverage-guided fuzzing of the parsers; FOR=seconds for each
	$(BIN)/python -m fuzz --seconds $(or $(FOR),60)

sample: $(VENV)/.run ## Write etc/mailhub.toml anew from the settings
	$(BIN)/mailhub config sample > etc/mailhub.toml

catalogs: $(VENV)/.test ## Compile the panel's and the webmail's translations
	$(BIN)/pybabel --quiet compile -D panel -d mailhub/http/panel/locale
	$(BIN)/pybabel --quiet compile -D webmail -d mailhub/http/webmail/locale

packages: ## Install the Debian packages that tests and bench need
	@.ci/packages

clean: ## Remove the environment and caches; ./var stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mailhub needs Python 3.11 or newer; this is $$($(PYTHON) --version)." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "Python cannot make virtual environments here: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.run: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,fuzz]'
	@touch $@
