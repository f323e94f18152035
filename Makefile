# Every command of a day's work; `make help` lists them.

PORT ?= $(or $(CAMSIGHT_PORT),8501)
HOST ?= $(or $(CAMSIGHT_HOST),127.0.0.1)

.DEFAULT_GOAL := help
.PHONY: help setup run check test mutate lint audit lock bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: .venv/.installed ## Make .venv with what Camsight needs (PYTHON= chooses the Python)

run: .venv/.installed ## Start the dashboard on 127.0.0.1, port 8501 (HOST=, PORT= change it)
	@CAMSIGHT_HOST="$(HOST)" CAMSIGHT_PORT="$(PORT)" exec .venv/bin/python -m dashboard

check: lint ## Check what takes a minute: lint, and tests that train and start nothing
	.venv/bin/python -m pytest -m "not slow and not browser"

test: .venv/.installed-dev ## Run every test, the browser's too (CHROMIUM=, CADDY= choose programs)
	@CHROMIUM=$$(tools/find-chromium) && CADDY=$$(tools/find-caddy) && export CHROMIUM CADDY && \
		$(MAKE) --no-print-directory lint && .venv/bin/python tools/run_tests.py

mutate: .venv/.installed-dev ## Change FILE= in every small way; shows what no test notices (TESTS=)
	@.venv/bin/python tools/mutate.py $(FILE) $(TESTS)

lint: .venv/.installed-dev ## Check style, who imports whom, and what is dangerous
	.venv/bin/python -m ruff check .
	.venv/bin/lint-imports
	.venv/bin/bandit -q -c pyproject.toml -r engine dashboard tools

audit: .venv/.installed-dev ## Look the locked versions up in a list of known holes (needs a network)
	.venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
		$(foreach lock,requirements requirements-dev,--requirement $(lock).lock) || \
		{ echo "A hole is known, or the list could not be read; the lines above say which." >&2; exit 1; }

lock: ## Pin the newest versions that fit into the lock files (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv; install it: pip install uv" >&2; exit 1; }
	$(call pin,requirements)
	$(call pin,requirements-dev) --constraint requirements.lock
	$(call pin,requirements-gpu) --constraint requirements.lock

pin = uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --output-file $(1).lock $(1).txt

bench: .venv/.installed-dev ## Measure; prints the figures that the documents give
	.venv/bin/python -m pytest -o addopts= -qs tests/benchmarks
	.venv/bin/python -m tests.benchmarks.training
	.venv/bin/python -m tests.benchmarks.cam
	.venv/bin/python -m tests.benchmarks.roc --large
	.venv/bin/python -m tests.benchmarks.coverage

clean: ## Remove .venv and caches; the workspace stays
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache
	find engine dashboard tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock
	@python=$$(tools/find-python) && "$$python" tools/install.py $< $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@python=$$(tools/find-python) && "$$python" tools/install.py $< $@
