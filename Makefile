# Needs Python >= 3.11, Node >= 20 and make; everything else is set up here, in .venv and web/node_modules.
# A second run finds its stamps and is quick.

PYTHON ?= python3
NPM ?= npm
ARGS ?=

VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PAGE := src/codling/serve/page/index.html
VSCODE := editors/vscode
VSIX := $(VSCODE)/codling.vsix
VSCODE_SOURCES := $(wildcard $(VSCODE)/src/* $(addprefix $(VSCODE)/,package.json esbuild.mjs README.md icon.png .vscodeignore))
JUPYTER := editors/jupyterlab
LABEXTENSION := $(JUPYTER)/codling_jupyter/labextensions/codling-jupyter/package.json
JUPYTER_SOURCES := $(wildcard $(JUPYTER)/src/* $(JUPYTER)/schema/* $(JUPYTER)/package.json $(JUPYTER)/tsconfig.json)
PAGE_SOURCES := web/index.html web/vite.config.ts web/tsconfig.json $(shell find web/src web/public web/test -type f)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test lint page vsix jupyterlab wheel chromium code-server clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

serve: $(VENV)/.stamp-serve $(PAGE) ## Open the page on the model that ships (ARGS="--port 0 --model NAME")
	@$(BIN)/codling serve $(ARGS)

test: lint $(PAGE) web/node_modules/.stamp-test tests/clients/node_modules/.stamp $(VSCODE)/node_modules/.stamp-test $(JUPYTER)/node_modules/.stamp-test chromium code-server ## Set up everything and run all checks and tests (ARGS="-k name")
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: $(VENV)/.stamp-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

page: $(PAGE) ## Build the page into src/codling/serve/page

vsix: $(VSIX) ## Pack the extension for VS Code into editors/vscode/codling.vsix

jupyterlab: $(VENV)/.stamp-test $(LABEXTENSION) ## Build the wheel of the extension for JupyterLab into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist $(JUPYTER)

wheel: $(VENV)/.stamp-test $(PAGE) ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build

clean: ## Remove everything that make has made, the environment too
	rm -rf $(VENV) web/node_modules $(addprefix $(JUPYTER)/,node_modules lib codling_jupyter/labextensions) $(addprefix $(VSCODE)/,node_modules dist codling.vsix test/code-server) src/codling/serve/page dist build test-results .mypy_cache .ruff_cache .pytest_cache

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "codling needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# What running needs: no PyTorch.
$(VENV)/.stamp-serve: $(VENV)/pyvenv.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

# What training and the tests need; PyTorch first, so that nothing else chooses its version.
$(VENV)/.stamp-test: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,dev]'
	@touch $@ $(VENV)/.stamp-serve

web/node_modules/.stamp: web/package.json web/package-lock.json web/.npmrc
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null || \
	  { echo "the page needs Node 20 or newer to be built, with npm" >&2; exit 2; }
	cd web && $(NPM) ci --no-progress --loglevel=error
	@touch $@

$(PAGE): web/node_modules/.stamp $(PAGE_SOURCES)
	cd web && $(NPM) run --silent build
	@touch $@

web/node_modules/.stamp-test: $(PAGE)
	cd web && $(NPM) run --silent test
	@touch $@

# Other people's clients, which the tests run against our servers.
tests/clients/node_modules/.stamp: tests/clients/package.json tests/clients/package-lock.json
	cd tests/clients && $(NPM) ci --no-progress --loglevel=error
	@touch $@

$(VSCODE)/node_modules/.stamp: $(VSCODE)/package.json $(VSCODE)/package-lock.json $(VSCODE)/.npmrc
	cd $(VSCODE) && $(NPM) ci --no-progress --loglevel=error
	@touch $@

$(VSIX): $(VSCODE)/node_modules/.stamp $(VSCODE_SOURCES)
	cd $(VSCODE) && $(NPM) run --silent package

$(VSCODE)/node_modules/.stamp-test: $(VSIX) $(wildcard $(VSCODE)/test/*.ts)
	cd $(VSCODE) && $(NPM) run --silent test
	@touch $@

$(JUPYTER)/node_modules/.stamp: $(JUPYTER)/package.json $(JUPYTER)/package-lock.json $(JUPYTER)/.npmrc
	cd $(JUPYTER) && $(NPM) ci --no-progress --loglevel=error
	@touch $@

$(LABEXTENSION): $(JUPYTER)/node_modules/.stamp $(JUPYTER_SOURCES)
	cd $(JUPYTER) && $(NPM) run --silent build >/dev/null
	@touch $@

$(JUPYTER)/node_modules/.stamp-test: $(LABEXTENSION) $(wildcard $(JUPYTER)/test/*.ts)
	cd $(JUPYTER) && $(NPM) run --silent check && $(NPM) run --silent test
	@touch $@

# A real VS Code for the tests; where it cannot be had, they say so.
code-server:
	@$(VSCODE)/test/install-code-server.sh || echo "no code-server: the tests in VS Code will not run" >&2

chromium: $(VENV)/.stamp-test
	@$(BIN)/python tests/browser.py --install
