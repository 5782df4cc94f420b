# One virtual environment for every target; it is rebuilt only when the project's own files change.
PYTHON ?= python3.11
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
KERNELS := plugins/ddsp-kernels-cpu
PLUGINS := $(filter-out $(KERNELS),$(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))

.PHONY: demo smoke test lint docs install clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(wildcard $(KERNELS)/*.* $(KERNELS)/src/*) $(PLUGINS:%=%/pyproject.toml)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,docs]'
	$(BIN)/python -m pip install --quiet -c constraints.txt $(PLUGINS:%=-e ./%)
	@# The compiled kernels are optional: without a compiler, plain torch answers and is tested.
	if command -v $${CXX:-c++} > /dev/null; \
	  then $(BIN)/python -m pip install --quiet --force-reinstall --no-deps ./$(KERNELS); \
	  else echo "no C++ compiler: ddsp-kernels-cpu is left out"; fi
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/ddsp run recipes/best_low_loss.toml

# The demo cut short: every stage, evaluator and file of the main job in a few steps.
smoke: $(STAMP)
	rm -rf build/smoke
	$(BIN)/ddsp run recipes/best_low_loss.toml --run-dir build/smoke --set metric.every=4 \
	  --set stage.A.steps=8 --set stage.B.steps=4 --set stage.C.steps=4
	test -s build/smoke/summary.json && test -s build/smoke/overview.png

test: lint
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, in build/site; a broken link or a page that nothing leads to is an error.
docs: $(STAMP)
	$(BIN)/sphinx-build -W --keep-going -q docs build/site

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
