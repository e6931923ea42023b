# `make run` and `make test` do all of their own set-up; they need Python 3.11 or newer, git and make.
# PYTHON=/path/to/python3 chooses the Python that .venv is made with.

BIN := .venv/bin
INSTALLED := .venv/.installed
PYTEST_ARGUMENTS ?=

# Also where there are two cores: most tests wait for servers most of their time. The order is that of
# tests/conftest.py, so that no long file is left at the end.
IN_PARALLEL := -n 4 --dist=loadfile --no-loadscope-reorder

# On two busy cores one in some thousand tests of real servers and browsers fails for a reason of the machine.
# Such a test is run once more, and its name stands at the end of what is printed.
ONCE_MORE := --reruns 1

# The processes that tests start would compile every module again where somebody has switched this on.
test test-slow: export PYTHONDONTWRITEBYTECODE =

.PHONY: run test test-slow check bench setup

run: setup
	@$(BIN)/gridwatch up

test: setup
	@sh deploy/setup/tests.sh
	$(BIN)/python -m pytest -m "not slow" $(IN_PARALLEL) $(ONCE_MORE) $(PYTEST_ARGUMENTS)

test-slow: setup
	@sh deploy/setup/tests.sh
	$(BIN)/python -m pytest -m slow --timeout=1800 $(PYTEST_ARGUMENTS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python .ci/audit.py

bench: setup
	$(BIN)/python -m bench

setup: $(INSTALLED)
	@sh deploy/setup/broker.sh

$(INSTALLED): pyproject.toml
	@PYTHON="$(PYTHON)" sh deploy/setup/venv.sh
	@touch $@
