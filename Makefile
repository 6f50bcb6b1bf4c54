# `make help` lists the targets. PYTHON=/path/to/python picks the interpreter (see ci/README.md).

.DEFAULT_GOAL := help
.PHONY: help environment demo test test-slow test-chaos test-interpreter bench bench-peers bench-doc lint format doc clean

# The python of the interpreter's environment. The environment is up to date here, so this only looks it up.
python = python="$$(ci/environment)" && "$$python"

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '%-18s %s\n' "$$target" "$$text"; done

environment: ## make or update the environment (.venv-3.N)
	@ci/environment >/dev/null

demo: environment ## run the example
	@$(python) examples/landscape.py

test: environment ## run the tests, without the slow ones
	@$(python) -m pytest

# pytest's exit code 5 says that no test was selected.
test-slow: environment ## run the slow tests
	@$(python) -m pytest -m slow || { status=$$?; [ $$status -eq 5 ] || exit $$status; }

test-chaos: environment ## kill sweeps by the hundred, fill their disks, and resume them
	@$(python) -m pytest -m chaos

test-interpreter: environment ## run the tests that differ most by interpreter and packages
	@$(python) -m pytest tests/conformance tests/house tests/unit/base tests/unit/declare tests/unit/model tests/unit/setup

bench: environment ## measure xsim beside work written by hand (minutes; wants a quiet machine)
	@$(python) -m benchmarks --json build/benchmarks.json

bench-peers: environment ## measure other frameworks too, in environments of their own
	@benchmarks/peers/environments
	@$(python) -m benchmarks --peers --json build/benchmarks.json

bench-doc: environment ## put what was measured last into the documentation
	@$(python) -m benchmarks.report build/benchmarks.json

lint: environment ## check style, formatting, types and imports
	@$(python) -m ruff check .
	@$(python) -m ruff format --check .
	@$(python) -m mypy xsim
	@python="$$(ci/environment)" && "$${python%/*}/lint-imports" --no-logo

doc: environment ## build the documentation, running its code (build/doc/index.html)
	@$(python) -m sphinx -b html -W --keep-going -q -d build/doctrees doc build/doc

format: environment ## put the code into its standard format
	@$(python) -m ruff check --fix-only .
	@$(python) -m ruff format .

clean: ## delete environments, caches and outputs
	@rm -rf .venv-3.* .venv-peers-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
