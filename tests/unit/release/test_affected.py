"""`make affected`: which services a change concerns, for the jobs that test and package each."""

from pathlib import Path

import pytest

from support.versioned_project import Project, ReleaseCommand

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
def test_a_change_concerns_its_service_and_those_that_bundle_it(
    project: Project, release: ReleaseCommand, path: str, services: str
) -> None:
    base = project.git("rev-parse", "HEAD")
    project.write(path, "changed\n")
    project.commit("Change it")
    assert release(project, "affected", "--base", base).out == f"services={services}\n"


def test_a_file_that_moves_concerns_both_services(project: Project, release: ReleaseCommand) -> None:
    project.git("mv", "services/annotate/annotate/code.py", "services/web/web/moved.py")
    project.commit("Move it")
    assert release(project, "affected", "--base", "HEAD~1").out == 'services=["annotate", "web"]\n'


@pytest.mark.parametrize("base", ["", "0" * 40, "1234567890" * 4, "no-such-branch", "--all"])
def test_an_unknown_base_concerns_all(project: Project, release: ReleaseCommand, base: str) -> None:
    assert release(project, "affected", f"--base={base}").out == ALL


def test_the_answer_is_appended_to_the_outputs_of_a_step(
    project: Project, release: ReleaseCommand, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs"
    outputs.write_text("before=1\n")
    release(project, "affected", "--base", "HEAD", "--outputs", str(outputs))
    assert outputs.read_text() == "before=1\nservices=[]\n"
