# `make` lists the targets. PYTHON= names the interpreter that .venv is made with.
.DEFAULT_GOAL := help
.PHONY: help run test soak bench audit schema lock clean
VENV := .venv/bin
MAKEFLAGS += --no-print-directory
unexport PYTHONPATH PYTHONHOME

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

run: .venv/run.stamp ## start Laurel on this machine alone; PORT= and LAUREL_* are passed on
	@$(VENV)/laurel up

test: .venv/test.stamp ## lint, types, import rules and all tests
	@echo "Checking style, types and import rules"
	@$(VENV)/ruff check .
	@$(VENV)/ruff format --check --quiet .
	@$(VENV)/mypy
	@$(VENV)/lint-imports
	@$(VENV)/pytest -n 3 --dist worksteal -m "not soak"

soak: .venv/test.stamp ## slow endurance tests
	@$(VENV)/pytest -m soak --timeout 0

bench: .venv/bench.stamp ## measure beside rivals (docs/benchmarks.md); BENCH=growth, boards, clock and so on for others
	@$(VENV)/python -m benchmarks$(if $(BENCH),.$(BENCH))

audit: .venv/test.stamp ## the GraphQL-over-HTTP audits (needs Node.js)
	@PATH="$(CURDIR)/$(VENV):$$PATH" sh tests/graphql_http/run

schema: .venv/run.stamp ## write schema/schema.graphql anew
	@$(VENV)/python -c "from schema.build import build_schema; print(build_schema().as_str())" > schema/schema.graphql

lock: .venv/bin/python ## write requirements/*.txt from pyproject.toml; UPGRADE=--upgrade takes newer versions
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
		$(VENV)/python -m pip install --quiet --disable-pip-version-check --target "$$tools" uv && \
		PYTHONPATH="$$tools" $(VENV)/python requirements/lock.py $(UPGRADE)

clean: ## remove what was built; data in .laurel stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@sh requirements/build-venv bare

# pyproject.toml counts because it names the packages and the command that the editable install offers.
.venv/run.stamp: requirements/base.txt requirements/build.txt requirements/embedded.txt pyproject.toml requirements/build-venv
	@sh requirements/build-venv run

.venv/test.stamp: requirements/dev.txt .venv/run.stamp
	@sh requirements/build-venv test

.venv/bench.stamp: requirements/bench.txt .venv/run.stamp
	@sh requirements/build-venv bench
