# Every command of the project; README.md explains them, `make help` lists them.
PYTHON ?= python3
UV := .local/uv/bin/uv
RUN := .local/venv/run/bin/python
DEV := .venv/bin/python
PORT ?= 8080
EMULATOR_PORT ?= 4566
EMULATOR ?= localstack

export PYTHONPATH := services/catalog:services/imaging:services/thumbnail:services/annotate:services/web:infrastructure/tools:localstack

COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.PHONY: help up down demo test test-unit integration workflows test-service test-mysql test-boot lint audit taskcat diagrams format lock versions affected release promote tag package publish plan apply smoke status drift redrive render delete discard comment drift-issue
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What to do when a download fails or the disk is full; the lines above it say which.
ADVICE := || { echo "The set-up is not complete. Check the network and the free space of the disk," \
  "then run the same command again: it goes on where it stopped." >&2; exit 1; }

# uv comes from pip into a folder of ours: nothing outside this directory changes.
$(UV): localstack/uv.txt
	@$(PYTHON) localstack/check_python.py
	@echo "Installing uv into .local/uv"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action ignore --require-hashes --upgrade --target .local/uv -r $< $(ADVICE)
	@touch $@

define environment
	@echo "Preparing $(@D)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(@D)
	@$(UV) pip sync --quiet --python $(@D) --require-hashes $< $(ADVICE)
	@touch $@
endef

RUN_READY := .local/venv/run/ready
EMULATOR_READY := .local/venv/emulator/ready
LOCALSTACK_READY := .local/venv/localstack/ready
DEV_READY := .venv/ready
TASKCAT_READY := .local/venv/taskcat/ready
CHECKOV_READY := .local/venv/checkov/ready
TESTS_READY := .local/venv/tests/ready
$(RUN_READY): localstack/requirements.txt $(UV)
	$(environment)
$(EMULATOR_READY): localstack/ministack_extensions/requirements.txt $(UV)
	$(environment)
$(LOCALSTACK_READY): localstack/localstack_executor/requirements.txt $(UV)
	$(environment)
$(DEV_READY): requirements.txt $(UV)
	$(environment)
$(TASKCAT_READY): infrastructure/tools/checks/taskcat.txt $(UV)
	$(environment)
$(CHECKOV_READY): infrastructure/tools/checks/checkov.txt $(UV)
	$(environment)
$(TESTS_READY): tests/requirements.txt $(UV)
	$(environment)
.local/venv/service-%/ready: services/%/requirements.txt $(UV)
	$(environment)

# Every lock but that of LocalStack, which is archived and only ever runs tests: what is found in it cannot be mended.
LOCKS := $(filter-out localstack/localstack_executor/%,$(sort $(wildcard *.txt tests/*.txt services/*/*.txt localstack/*.txt localstack/*/*.txt infrastructure/tools/checks/*.txt)))
AUDIT := .venv/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off

# Most tests wait for processes: three workers keep two processors busy. tests/workers.py says what stays together.
SIDE_BY_SIDE := --numprocesses 3 --no-loadscope-reorder --max-worker-restart 0
# What runs on MySQL, too, which production has.
ON_MYSQL := tests/component/catalog tests/component/flow
FLOW := tests/component/servers/test_database_server.py tests/integration/test_flow.py --emulator ministack

TEMPLATES := $(wildcard infrastructure/templates/*.yaml infrastructure/bootstrap.yaml)

up: $(RUN_READY) $(EMULATOR_READY)  ## run everything on this machine: http://127.0.0.1:8080 (PORT=, EMULATOR_PORT= choose others; DATABASE=mysql: on MySQL)
	@$(RUN) -m local_cloud up --port $(PORT) --emulator-port $(EMULATOR_PORT) $(if $(DATABASE),--database "$(DATABASE)")

down: $(RUN_READY)  ## stop what `make up` started
	@$(RUN) -m local_cloud down

demo: $(RUN_READY)  ## upload sample photos to the running gallery
	@$(RUN) -m local_cloud demo --port $(PORT)

test: $(DEV_READY) $(EMULATOR_READY) $(LOCALSTACK_READY) $(TASKCAT_READY)  ## every test, in a browser too (installs Chromium and Graphviz when it may); without ARGS= those of data on MySQL, too
	@tests/install_packages
	@$(DEV) -m pytest $(SIDE_BY_SIDE) $(ARGS)
	@$(if $(ARGS),,$(DEV) -m pytest $(ON_MYSQL) $(FLOW) --database mysql $(SIDE_BY_SIDE))

test-unit: $(DEV_READY) $(EMULATOR_READY) $(LOCALSTACK_READY)  ## the quick tests
	@$(DEV) -m pytest tests/unit

test-service: .local/venv/service-$(SERVICE)/ready $(TESTS_READY)  ## the quick tests of SERVICE=, with what its own lock installs
	@PYTHONPATH= $(<D)/bin/python tests/service.py $(SERVICE) $(TESTS_READY:/ready=) $(ARGS)

test-mysql: $(DEV_READY)  ## the tests of the catalogue on the MySQL server of DATABASE_HOST, _PORT, _USER and _PASSWORD
	@$(DEV) -m pytest $(ON_MYSQL) --given-database $(ARGS)

test-boot: $(DEV_READY) $(EMULATOR_READY)  ## instances that boot in a sandbox, which only root can make
	@tests/install_packages
	@$(if $(filter-out 0,$(shell id -u)),sudo env CI="$$CI" PATH="$$PATH" PYTHONPATH="$$PYTHONPATH") $(DEV) -m pytest tests/infrastructure/boot $(ARGS)

integration: $(DEV_READY) $(EMULATOR_READY) $(LOCALSTACK_READY)  ## the flow S3 -> SNS -> Lambda on LocalStack (EMULATOR=ministack: there), and every fault
	@$(DEV) -m pytest tests/integration --emulator $(EMULATOR) $(ARGS)

workflows: $(DEV_READY) $(RUN_READY) $(EMULATOR_READY)  ## the workflows of GitHub on this machine, which deploy to an emulator
	@$(DEV) -m pytest tests/workflows $(ARGS)

lint: $(DEV_READY) $(TASKCAT_READY) $(CHECKOV_READY)  ## every static check
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/mypy --explicit-package-bases tests infrastructure/tools/checks
	@.venv/bin/lint-imports
	@.venv/bin/cfn-lint -r us-east-1 eu-central-1 --include-checks I -- $(TEMPLATES)
	@.local/venv/checkov/bin/checkov --config-file .checkov.yaml
	@.local/venv/taskcat/bin/python -m checks.policies
	@.venv/bin/shellcheck .ci/run tests/install_packages tests/infrastructure/boot/machine $(filter-out %.service,$(wildcard tests/infrastructure/boot/stand_ins/*))
	@.venv/bin/actionlint -shellcheck .venv/bin/shellcheck
	@.venv/bin/zizmor --quiet --offline --persona pedantic .

audit: $(DEV_READY)  ## ask PyPI for known vulnerabilities of what the locks pin, and write their SBOMs to .local/sbom
	@mkdir -p .local/sbom
	@status=0; for lock in $(LOCKS); do \
	  echo "$$lock"; $(AUDIT) --requirement "$$lock" || status=1; \
	  $(AUDIT) --requirement "$$lock" --format cyclonedx-json --output ".local/sbom/$$(echo "$${lock%.txt}" | tr / -).json" 2>/dev/null || :; \
	done; exit $$status

format: $(DEV_READY)  ## format the code
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

taskcat: $(RUN_READY) $(EMULATOR_READY) $(TASKCAT_READY)  ## create the whole environment in two regions of an emulator, or in REGIONS= of your account, and delete it
	@$(RUN) -m local_cloud taskcat $(REGIONS)

diagrams: $(DEV_READY)  ## draw the pictures of the architecture in docs/ (needs Graphviz)
	@$(DEV) docs/architecture.py

versions: $(RUN_READY)  ## check that every changed service has a new version
	@$(RUN) -m release check

affected: $(RUN_READY)  ## print the services that the changes since the commit BASE= concern (OUTPUTS= a file to append them to)
	@$(RUN) -m release affected --base "$(BASE)" $(if $(OUTPUTS),--outputs "$(OUTPUTS)")

release: $(DEV_READY)  ## give SERVICE= its next version, write its changelog, and pin it in staging (BUMP=major|minor|patch decides)
	@$(DEV) -m release bump "$(SERVICE)" $(if $(BUMP),--bump "$(BUMP)")

promote: $(RUN_READY)  ## pin in TO= the version of SERVICE= that is pinned in FROM= (without SERVICE=: of every service)
	@$(RUN) -m release promote --from "$(FROM)" --to "$(TO)" $(if $(SERVICE),"$(SERVICE)")

tag: $(RUN_READY)  ## tag the versions that have no tag yet, and push the tags
	@$(RUN) -m release tag

package: $(RUN_READY)  ## build the artifact of SERVICE= for AWS
	@$(RUN) -m deploy package "$(SERVICE)"

# The rest works on the account that the AWS credentials in the environment belong to. ARGS= passes more, such as --json.
publish: $(RUN_READY)  ## build what ENV= pins and its artifact bucket lacks, from its tag, and store it there
	@$(RUN) -m deploy publish "$(ENV)" $(ARGS)

plan: $(RUN_READY)  ## show what would change in ENV=, and keep it for apply
	@$(RUN) -m deploy plan "$(ENV)" $(ARGS)

apply: $(RUN_READY)  ## execute exactly what was planned for ENV=
	@$(RUN) -m deploy apply "$(ENV)" $(ARGS)

smoke: $(RUN_READY)  ## upload, look at and delete a picture in the gallery of ENV=, or at URL=
	@$(RUN) -m smoke $(if $(URL),--url $(URL),$(ENV))

discard: $(RUN_READY)  ## delete the change sets of ENV= that were planned with LABEL=
	@$(RUN) -m deploy discard "$(ENV)" --label "$(LABEL)"

status: $(RUN_READY)  ## show the stacks of ENV=, their state and versions
	@$(RUN) -m deploy status "$(ENV)" $(ARGS)

drift: $(RUN_READY)  ## show what was changed by hand in ENV=
	@$(RUN) -m deploy drift "$(ENV)" $(ARGS)

redrive: $(RUN_READY)  ## send the dead letters of ENV= to their functions again
	@$(RUN) -m deploy redrive "$(ENV)" $(ARGS)

render: $(RUN_READY)  ## write the nested root template of ENV=, for the console
	@$(RUN) -m deploy render "$(ENV)" $(ARGS)

delete: $(RUN_READY)  ## delete the stacks of ENV=, which CONFIRM= must name once more
	@$(RUN) -m deploy delete "$(ENV)" --confirm "$(CONFIRM)" $(ARGS)

# These two work on GitHub: GITHUB_REPOSITORY and GITHUB_TOKEN are in the environment. FILES= are what plan and drift wrote with --markdown.
comment: $(RUN_READY)  ## write FILES= as the comment of the pipeline on pull request PULL_REQUEST=
	@$(RUN) -m reporting comment --pull-request $(PULL_REQUEST) $(FILES)

drift-issue: $(RUN_READY)  ## open or update the issue about drift from FILES=; close it when all of them are empty
	@$(RUN) -m reporting issue --title "Infrastructure was changed by hand" --label drift $(FILES)

lock: $(UV)  ## compile every lock (uv keeps the pinned versions; LOCK_FLAGS=--upgrade moves them)
	$(COMPILE) $(LOCK_FLAGS) pyproject.toml services/*/pyproject.toml localstack/pyproject.toml -o requirements.txt
	$(COMPILE) $(LOCK_FLAGS) localstack/ministack_extensions/pyproject.toml -o localstack/ministack_extensions/requirements.txt
	$(COMPILE) --exclude-newer 2026-02-25 localstack/localstack_executor/pyproject.toml -o localstack/localstack_executor/requirements.txt  # later releases of what it needs break it
	$(COMPILE) -c requirements.txt localstack/pyproject.toml services/web/pyproject.toml services/catalog/pyproject.toml -o localstack/requirements.txt
	$(COMPILE) -c requirements.txt services/catalog/pyproject.toml -o services/catalog/requirements.txt
	$(COMPILE) -c requirements.txt services/web/pyproject.toml services/catalog/pyproject.toml -o services/web/requirements.txt
	$(COMPILE) -c requirements.txt services/thumbnail/pyproject.toml services/catalog/pyproject.toml services/imaging/pyproject.toml -o services/thumbnail/requirements.txt
	$(COMPILE) -c requirements.txt services/annotate/pyproject.toml services/catalog/pyproject.toml services/imaging/pyproject.toml -o services/annotate/requirements.txt
	printf 'cryptography\nhypothesis\nmoto[s3,secretsmanager]\npsutil\npytest\nrequests\nschemathesis\n' | $(COMPILE) -c requirements.txt - -o tests/requirements.txt
	echo uv | $(COMPILE) -c requirements.txt - -o localstack/uv.txt
	printf 'taskcat\nparliament\nsetuptools<81\n' | $(COMPILE) $(LOCK_FLAGS) - -o infrastructure/tools/checks/taskcat.txt  # both still import pkg_resources
	echo checkov | $(COMPILE) $(LOCK_FLAGS) - -o infrastructure/tools/checks/checkov.txt
