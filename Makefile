# Every command of the project; README.md explains them, `make help` lists them.
PYTHON ?= python3
UV := .local/uv/bin/uv
RUN := .local/venv/run/bin/python
EMULATOR := .local/venv/emulator/bin/python
DEV := .venv/bin/python
SERVICES := catalog thumbnail annotate web

export PYTHONPATH := services/catalog:services/imaging:services/thumbnail:services/annotate:services/web:infrastructure:localstack

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.PHONY: help lock
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv comes from pip into a folder of ours: nothing outside this directory changes.
$(UV): localstack/uv.txt
	@$(PYTHON) localstack/check_python.py
	@echo "Installing uv into .local/uv"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .local/uv -r $<
	@touch $@

define environment
	@echo "Preparing $(@D)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(patsubst %/bin/python,%,$@)
	@$(UV) pip sync --quiet --python $@ --require-hashes $<
	@touch $@
endef

$(RUN): localstack/requirements.txt $(UV)
	$(environment)
$(EMULATOR): localstack/emulator/requirements.txt $(UV)
	$(environment)
$(DEV): requirements.txt $(UV)
	$(environment)

lock: $(UV)  ## compile every lock (uv keeps the pinned versions; LOCK_FLAGS=--upgrade moves them)
	$(COMPILE) $(LOCK_FLAGS) pyproject.toml services/*/pyproject.toml localstack/pyproject.toml -o requirements.txt
	$(COMPILE) $(LOCK_FLAGS) localstack/emulator/pyproject.toml -o localstack/emulator/requirements.txt
	$(COMPILE) -c requirements.txt localstack/pyproject.toml services/web/pyproject.toml services/catalog/pyproject.toml -o localstack/requirements.txt
	$(COMPILE) -c requirements.txt services/catalog/pyproject.toml -o services/catalog/requirements.txt
	$(COMPILE) -c requirements.txt services/web/pyproject.toml services/catalog/pyproject.toml -o services/web/requirements.txt
	$(COMPILE) -c requirements.txt services/thumbnail/pyproject.toml services/catalog/pyproject.toml services/imaging/pyproject.toml -o services/thumbnail/requirements.txt
	$(COMPILE) -c requirements.txt services/annotate/pyproject.toml services/catalog/pyproject.toml services/imaging/pyproject.toml -o services/annotate/requirements.txt
	echo uv | $(COMPILE) -c requirements.txt - -o localstack/uv.txt
