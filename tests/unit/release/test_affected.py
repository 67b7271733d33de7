"""`make affected`: the services that a change affects, for the CI jobs that test and package them."""

from pathlib import Path

import pytest

from support.versioned_project import Project

ALL = 'services=["annotate", "catalog", "web"]\n'


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("services/annotate/annotate/code.py", '["annotate"]'),
        ("services/annotate/requirements.txt", '["annotate"]'),
        ("services/imaging/imaging/code.py", '["annotate"]'),
        ("services/catalog/catalog/code.py", '["annotate", "catalog", "web"]'),
        ("tests/unit/web/test_pages.py", '["web"]'),
        ("tests/unit/deploy/test_plan.py", "[]"),
        ("docs/deploying.md", "[]"),
        ("infrastructure/environments/staging.yaml", "[]"),
        ("infrastructure/tools/deploy/plan.py", "[]"),
        ("infrastructure/tools/deploy/package.py", '["annotate", "catalog", "web"]'),
        ("tests/conftest.py", '["annotate", "catalog", "web"]'),
        (".github/workflows/ci.yml", '["annotate", "catalog", "web"]'),
        ("Makefile", '["annotate", "catalog", "web"]'),
        ("requirements.txt", '["annotate", "catalog", "web"]'),
    ],
)
def test_a_change_affects_its_service_and_those_that_bundle_it(project: Project, path: str, services: str) -> None:
    base = project.git("rev-parse", "HEAD")
    project.write(path, "changed\n")
    project.commit("Change it")
    assert project.release("affected", "--base", base).stdout == f"services={services}\n"


def test_a_moved_file_affects_both_services(project: Project) -> None:
    project.git("mv", "services/annotate/annotate/code.py", "services/web/web/moved.py")
    project.commit("Move it")
    assert project.release("affected", "--base", "HEAD~1").stdout == 'services=["annotate", "web"]\n'


@pytest.mark.parametrize("base", ["", "0" * 40, "1234567890" * 4, "no-such-branch", "--all"])
def test_an_unknown_base_affects_all_services(project: Project, base: str) -> None:
    assert project.release("affected", f"--base={base}").stdout == ALL


def test_the_result_is_appended_to_the_outputs_of_a_step(project: Project, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.write_text("before=1\n")
    project.release("affected", "--base", "HEAD", "--outputs", str(outputs))
    assert outputs.read_text() == "before=1\nservices=[]\n"
