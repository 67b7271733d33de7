# All commands of the project. README.md explains them, `make help` lists them.
PYTHON ?= python3
PORT ?= 8080
DEV := .venv/bin
RUN := .local/venv/run/bin
TOOLS := .local/venv/tools/bin
TOOL := .local/venv/tools/ready
DEPLOY = $(if $(filter local,$(ENV)),$(RUN)/local-cloud operate,$(TOOLS)/deploy) # local is what `make up` runs
DEPLOYER := $(if $(filter local,$(ENV)),.local/venv/run/ready,$(TOOL))
unexport PYTHONDONTWRITEBYTECODE # many container images set it: each process would compile all that it imports again
ENVIRONMENTS := cd infrastructure/tools && "$(PYTHON)" -m environments

.PHONY: help up down demo test test-unit integration workflows test-service test-mysql test-boot lint bench audit taskcat diagrams format lock versions affected release promote tag package publish plan apply smoke status drift redrive annotate retry render delete discard comment drift-issue
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The environments, each made again when its lock is newer.
.local/uv/bin/uv: infrastructure/tools/uv.txt
	@$(ENVIRONMENTS) uv
.venv/ready: requirements.txt pyproject.toml
.local/venv/run/ready: localstack/requirements.txt localstack/pyproject.toml
.local/venv/tools/ready: infrastructure/tools/requirements.txt infrastructure/tools/pyproject.toml
.local/venv/tests/ready: tests/requirements.txt
.local/venv/emulator/ready: localstack/ministack.txt
.local/venv/localstack/ready: localstack/localstack.txt localstack/pyproject.toml
.local/venv/taskcat/ready .local/venv/checkov/ready: .local/venv/%/ready: infrastructure/tools/%.txt
.local/venv/service-$(SERVICE)/ready: services/$(SERVICE)/requirements.txt services/$(SERVICE)/pyproject.toml
%/ready: .local/uv/bin/uv
	@$(ENVIRONMENTS) install $(@D)

# Most tests wait for processes, so three workers keep two processors busy. tests/support/workers.py groups tests.
SIDE_BY_SIDE := --numprocesses 3 --no-loadscope-reorder --max-worker-restart 0
# These tests also run on MySQL, which production uses; pictures do not depend on the database.
ON_MYSQL := tests/component/catalog tests/component/flow --ignore tests/component/flow/test_every_picture.py

up: .local/venv/run/ready .local/venv/emulator/ready  ## run everything on this machine: http://127.0.0.1:8080 (PORT= and EMULATOR_PORT= change the ports; DATABASE=mysql uses MySQL)
	@$(RUN)/local-cloud up --port $(PORT) --emulator-port $(or $(EMULATOR_PORT),4566) $(if $(DATABASE),--database "$(DATABASE)")
down: .local/venv/run/ready  ## stop what `make up` started
	@$(RUN)/local-cloud down
demo: .local/venv/run/ready  ## upload sample photos to the running gallery
	@$(RUN)/local-cloud demo --port $(PORT)

test: .venv/ready .local/venv/emulator/ready .local/venv/localstack/ready .local/venv/taskcat/ready  ## all tests, in a browser too (root also installs Chromium and Graphviz); without ARGS= then those of data again on MySQL
	@tests/install_packages
	@$(DEV)/pytest $(SIDE_BY_SIDE) $(ARGS)
	@$(if $(ARGS),,$(DEV)/pytest $(ON_MYSQL) tests/component/servers tests/integration/test_flow.py --emulator ministack --database mysql $(SIDE_BY_SIDE))
test-unit: .venv/ready  ## the unit tests: no servers, under a minute
	@$(DEV)/pytest tests/unit --numprocesses 2 $(ARGS)
test-service: .local/venv/service-$(SERVICE)/ready .local/venv/tests/ready  ## the tests of SERVICE=, with the dependencies of its own lock
	@$(<D)/bin/python tests/service.py $(SERVICE) .local/venv/tests $(ARGS)
test-mysql: .venv/ready  ## the tests of the catalog on the MySQL server of DATABASE_HOST, _PORT, _USER and _PASSWORD
	@$(DEV)/pytest $(ON_MYSQL) --given-database $(ARGS)
test-boot: .venv/ready .local/venv/emulator/ready  ## boot instances in a sandbox (needs root)
	@tests/install_packages
	@$(if $(filter-out 0,$(shell id -u)),sudo env CI="$$CI" PATH="$$PATH") $(DEV)/pytest tests/infrastructure/boot $(ARGS)
integration: .venv/ready .local/venv/emulator/ready .local/venv/localstack/ready  ## the flow S3 -> SNS -> Lambda on LocalStack (or EMULATOR=ministack), and all faults
	@$(DEV)/pytest tests/integration --emulator $(or $(EMULATOR),localstack) $(ARGS)
workflows: .venv/ready .local/venv/tools/ready .local/venv/emulator/ready  ## run the GitHub workflows on this machine; they deploy to an emulator
	@$(DEV)/pytest tests/workflows $(ARGS)

lint: .venv/ready .local/venv/taskcat/ready .local/venv/checkov/ready  ## all static checks
	@$(DEV)/ruff format --check --quiet .
	@$(DEV)/ruff check --quiet .
	@$(DEV)/mypy && $(DEV)/mypy --explicit-package-bases tests
	@$(DEV)/lint-imports
	@$(DEV)/codespell
	@$(DEV)/cfn-lint -r us-east-1 eu-central-1 --include-checks I -- infrastructure/templates/*.yaml infrastructure/bootstrap.yaml
	@.local/venv/checkov/bin/checkov --config-file .checkov.yaml
	@.local/venv/taskcat/bin/checks
	@$(DEV)/shellcheck .ci/run tests/install_packages tests/infrastructure/boot/machine $(filter-out %.service,$(wildcard tests/infrastructure/boot/stand_ins/*))
	@$(DEV)/actionlint -shellcheck $(DEV)/shellcheck
	@$(DEV)/zizmor --quiet --offline --persona pedantic .
format: .venv/ready  ## format the code
	@$(DEV)/ruff format --quiet .
	@$(DEV)/ruff check --fix --quiet .
bench: .venv/ready  ## measure how fast the gallery is with a million photos (ROWS=), as ratios
	@$(DEV)/python -m benchmarks $(if $(ROWS),--rows "$(ROWS)") $(ARGS)
audit: .venv/ready  ## check the locked dependencies for known vulnerabilities; SBOMs go to .local/sbom
	@$(ENVIRONMENTS) audit
taskcat: .local/venv/run/ready .local/venv/emulator/ready .local/venv/taskcat/ready  ## create the whole environment in two regions of an emulator, or in REGIONS= of your account, then delete it
	@$(RUN)/local-cloud taskcat $(REGIONS)
diagrams: .venv/ready  ## draw the architecture pictures in docs/ (needs Graphviz)
	@$(DEV)/python docs/architecture.py
lock: .local/uv/bin/uv  ## compile every lock (uv keeps the pinned versions; LOCK_FLAGS=--upgrade moves them)
	@$(ENVIRONMENTS) lock $(LOCK_FLAGS)

versions: $(TOOL)  ## check that every changed service has a new version
	@$(TOOLS)/release check
affected: $(TOOL)  ## print the services affected by the changes since commit BASE= (OUTPUTS= appends them to a file)
	@$(TOOLS)/release affected --base "$(BASE)" $(if $(OUTPUTS),--outputs "$(OUTPUTS)")
release: $(TOOL)  ## give SERVICE= its next version, write its changelog, pin it in staging (BUMP=major|minor|patch overrides)
	@$(TOOLS)/release bump "$(SERVICE)" $(if $(BUMP),--bump "$(BUMP)")
promote: $(TOOL)  ## pin in TO= the version of SERVICE= that FROM= pins (without SERVICE=: of every service)
	@$(TOOLS)/release promote --from "$(FROM)" --to "$(TO)" $(if $(SERVICE),"$(SERVICE)")
tag: $(TOOL)  ## tag new versions, and push the tags
	@$(TOOLS)/release tag
package: $(TOOL)  ## build the artifact of SERVICE= for AWS
	@$(TOOLS)/deploy package "$(SERVICE)"

# These use the AWS credentials in the environment. ARGS= passes more options, such as --json.
publish: $(TOOL)  ## build each version that ENV= pins from its tag, unless it is stored, and store it
plan: $(TOOL)  ## show what would change in ENV=, and save the plan
apply: $(TOOL)  ## execute exactly the plan for ENV=
status: $(DEPLOYER)  ## show the stacks of ENV=, their state and versions
drift: $(TOOL)  ## show manual changes in ENV=
redrive: $(DEPLOYER)  ## send the dead letters of ENV= to their functions again
annotate: $(DEPLOYER)  ## annotate the photos of ENV= again that WHERE= selects, such as model:offline or all
retry: $(DEPLOYER)  ## retry the failed photos of ENV= that WHERE= selects, such as reason:quota or all
render: $(TOOL)  ## write ENV= as one nested template, for the console
discard: $(TOOL)  ## delete the change sets of ENV= with LABEL=
delete: $(TOOL)  ## delete the stacks of ENV= (CONFIRM= must repeat the name)
publish plan apply status drift redrive annotate retry render discard delete:
	@$(DEPLOY) $@ "$(ENV)" $(if $(filter annotate retry,$@),--where "$$WHERE") $(if $(filter discard,$@),--label "$(LABEL)") $(if $(filter delete,$@),--confirm "$(CONFIRM)") $(ARGS)
smoke: $(TOOL)  ## upload, check and delete a picture in the gallery of ENV=, or at URL=
	@$(TOOLS)/smoke $(if $(URL),--url $(URL),$(ENV))

# These need GITHUB_REPOSITORY and GITHUB_TOKEN in the environment. FILES= are what plan and drift wrote with --markdown.
comment: $(TOOL)  ## write FILES= as the pipeline comment on pull request PULL_REQUEST=
	@$(TOOLS)/reporting comment --pull-request $(PULL_REQUEST) $(FILES)
drift-issue: $(TOOL)  ## open or update the drift issue from FILES=; close it if all are empty
	@$(TOOLS)/reporting issue --title "Infrastructure was changed by hand" --label drift $(FILES)
