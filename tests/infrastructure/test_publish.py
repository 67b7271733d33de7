"""Publishing: each pinned version is built once, from its tag; environments run nothing else."""

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from deploy.artifacts import store
from deploy.environment import Environment
from deploy.errors import EnvironmentFileError, PackageError
from deploy.outputs import environment_outputs
from deploy.package import Package
from deploy.publish import Published, publish
from local_cloud.session import EmulatorSession
from support import versioned_project
from support.deploy_project import RUNS, SERVICE, Project, kinds
from support.versioned_project import LOCK

STACKS = SERVICE + SERVICE.replace("web", "worker")


@dataclass
class Publishing:
    """A project with an artifact bucket, and the repository of its services."""

    project: Project
    repository: versioned_project.Project
    bucket: str

    @property
    def s3(self) -> Any:
        return self.project.session.client("s3")

    def pin(self, versions: str = "{web: 0.1.0, worker: 2.0.0}") -> Environment:
        """Pin versions and return the environment."""
        provided = f"provided: {{bootstrap: {{ArtifactBucket: {self.bucket}}}}}\n"
        return self.project.write(STACKS, f"{provided}versions: {versions}\n", runs=RUNS)

    def publish(self, environment: Environment) -> dict[str, str]:
        """Publish, and return the reported result for each service."""
        reported: list[Published] = []
        publish(self.project.session, environment, self.repository.path, reported.append)
        return {published.service: published.result for published in reported}

    def content(self, key: str) -> tuple[bytes, dict[str, str]]:
        """Return a stored package and its metadata."""
        stored = self.s3.get_object(Bucket=self.bucket, Key=key)
        return stored["Body"].read(), stored["Metadata"]

    def uploads(self) -> list[str]:
        """Return the keys of all object versions in the bucket, including overwritten ones."""
        found = self.s3.list_object_versions(Bucket=self.bucket)
        return sorted(version["Key"] for version in found.get("Versions", []))

    def running(self, environment: Environment) -> str:
        """Return the location of the package that the stack web runs."""
        name = environment_outputs(self.project.session, environment)["web"]["Name"]
        return str(self.project.session.client("ssm").get_parameter(Name=name)["Parameter"].get("Value"))


@pytest.fixture
def publishing(project: Project, tmp_path: Path) -> Publishing:
    """Two tagged services and an empty artifact bucket."""
    repository = versioned_project.Project.empty(tmp_path / "repository")
    repository.tag_service("web", "0.1.0", "PAGES = 1\n")
    repository.tag_service("worker", "2.0.0", "WORK = 1\n")
    publishing = Publishing(project, repository, f"artifacts-{project.prefix}")
    publishing.s3.create_bucket(Bucket=publishing.bucket)
    versioning = {"Status": "Enabled"}
    publishing.s3.put_bucket_versioning(Bucket=publishing.bucket, VersioningConfiguration=versioning)
    return publishing


def test_a_version_is_built_from_its_tag_and_not_from_the_working_tree(publishing: Publishing) -> None:
    tagged = publishing.repository.git("rev-parse", "web-v0.1.0")
    publishing.repository.write_service("web", "0.1.0", "PAGES = 'unfinished'\n")
    assert publishing.publish(publishing.pin()) == {"web": "published", "worker": "published"}
    body, metadata = publishing.content("web/web-0.1.0.zip")
    package = zipfile.ZipFile(io.BytesIO(body))
    assert package.read("web/code.py") == b"PAGES = 1\n"
    assert json.loads(package.read("manifest.json"))["commit"] == metadata["commit"] == tagged


def test_a_stored_package_has_its_digest_in_its_metadata(publishing: Publishing) -> None:
    for one in publish(publishing.project.session, publishing.pin(), publishing.repository.path, lambda _: None):
        body, metadata = publishing.content(one.key)
        assert one.sha256 == metadata["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_version_is_published_only_once(publishing: Publishing) -> None:
    environment = publishing.pin()
    publishing.publish(environment)
    assert publishing.publish(environment) == {"web": "already published", "worker": "already published"}
    assert publishing.uploads() == ["web/web-0.1.0.zip", "worker/worker-2.0.0.zip"]
    publishing.repository.tag_service("web", "0.2.0", "PAGES = 2\n")
    environment = publishing.pin("{web: 0.2.0, worker: 2.0.0}")
    assert publishing.publish(environment) == {"web": "published", "worker": "already published"}


def test_concurrent_publishers_agree_on_one_package(publishing: Publishing) -> None:
    environment, path = publishing.pin(), publishing.repository.path
    sessions = [publishing.project.session, EmulatorSession(publishing.s3.meta.endpoint_url)]
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda session: publish(session, environment, path, lambda _: None), sessions)
    assert {(one.key, one.sha256) for one in first} == {(one.key, one.sha256) for one in second}
    assert publishing.uploads() == ["web/web-0.1.0.zip", "worker/worker-2.0.0.zip"]


def test_a_taken_key_is_not_overwritten(publishing: Publishing, tmp_path: Path) -> None:
    for number, path in enumerate((tmp_path / "first.zip", tmp_path / "second.zip")):
        path.write_text(path.name)
        package = Package("web", "1.0.0", path, "web/web-1.0.0.zip")
        assert store(publishing.s3, publishing.bucket, package, {}) == (number == 0)
    assert publishing.content("web/web-1.0.0.zip")[0] == b"first.zip"


def test_a_published_version_whose_tag_moved_is_refused_before_anything_is_published(publishing: Publishing) -> None:
    publishing.publish(publishing.pin())
    publishing.repository.write_service("web", "0.1.0", "PAGES = 'other'\n")
    publishing.repository.commit("Change web without a new version")
    publishing.repository.git("tag", "--force", "web-v0.1.0")
    publishing.repository.tag_service("worker", "2.1.0", "WORK = 2\n")
    with pytest.raises(PackageError, match=r"web 0\.1\.0 was published from commit \w{40}.*never changes"):
        publishing.publish(publishing.pin("{web: 0.1.0, worker: 2.1.0}"))
    assert "worker/worker-2.1.0.zip" not in publishing.uploads()


def test_a_package_that_was_stored_by_hand_is_not_a_published_version(publishing: Publishing) -> None:
    publishing.s3.put_object(Bucket=publishing.bucket, Key="web/web-0.1.0.zip", Body=b"by hand")
    with pytest.raises(PackageError, match=r"web 0\.1\.0 was published from commit unknown"):
        publishing.publish(publishing.pin())


def test_a_version_without_a_tag_is_refused(publishing: Publishing) -> None:
    publishing.repository.git("tag", "--delete", "web-v0.1.0")
    with pytest.raises(PackageError, match=r"no tag web-v0\.1\.0.*git fetch.*make tag"):
        publishing.publish(publishing.pin())


def test_a_tag_on_a_commit_with_another_version_is_refused(publishing: Publishing) -> None:
    publishing.repository.git("tag", "web-v9.0.0")
    with pytest.raises(PackageError, match=r"contains web 0\.1\.0, not 9\.0\.0: its tag is wrong"):
        publishing.publish(publishing.pin("{web: 9.0.0, worker: 2.0.0}"))


def test_a_version_that_cannot_be_built_does_not_stop_the_others(publishing: Publishing) -> None:
    publishing.repository.write_service("web", "0.2.0", "PAGES = 2\n")
    wrong = LOCK.replace("sha256:4", "sha256:5").replace("sha256:f", "sha256:e")
    publishing.repository.write("services/web/requirements.txt", wrong)
    publishing.repository.commit("Release web 0.2.0")
    publishing.repository.git("tag", "web-v0.2.0")
    with pytest.raises(PackageError, match="the dependencies of web could not be installed"):
        publishing.publish(publishing.pin("{web: 0.2.0, worker: 2.0.0}"))
    assert publishing.uploads() == ["worker/worker-2.0.0.zip"]


def test_an_environment_without_pins_has_nothing_to_publish(publishing: Publishing) -> None:
    with pytest.raises(EnvironmentFileError, match=r"test\.yaml: nothing to publish without a versions section"):
        publishing.publish(replace(publishing.pin(), versions=None))


def test_unpublished_versions_can_be_planned_but_not_applied(publishing: Publishing) -> None:
    project, environment = publishing.project, publishing.pin()
    plan = project.plan(environment)
    assert kinds(plan) == {"web": "create", "worker": "create"}
    with pytest.raises(PackageError, match=r"make publish ENV=test.*web/web-0\.1\.0\.zip.*worker/worker-2\.0\.0\.zip"):
        project.apply_plan(environment, plan)
    assert set(project.statuses(environment).values()) == {"REVIEW_IN_PROGRESS"}
    publishing.publish(environment)
    project.apply_plan(environment, plan)
    assert publishing.running(environment) == f"{publishing.bucket}/web/web-0.1.0.zip"


def test_a_new_pin_updates_only_its_stack_and_the_old_pin_rolls_it_back(publishing: Publishing) -> None:
    project, before = publishing.project, publishing.pin()
    publishing.publish(before)
    project.apply(before)
    publishing.repository.tag_service("web", "0.2.0", "PAGES = 2\n")
    after = publishing.pin("{web: 0.2.0, worker: 2.0.0}")
    plan = project.plan(after)
    assert kinds(plan) == {"web": "update", "worker": "unchanged"}
    publishing.publish(after)
    project.apply_plan(after, plan)
    assert publishing.running(after) == f"{publishing.bucket}/web/web-0.2.0.zip"
    back = publishing.pin()
    project.apply(back)
    assert publishing.running(back) == f"{publishing.bucket}/web/web-0.1.0.zip"
    assert not project.plan(back).changes_anything


def test_the_command_reports_the_result_for_each_version(publishing: Publishing) -> None:
    publishing.pin()
    run = partial(publishing.project.run, "publish", "test", repository=publishing.repository.path)
    assert sorted(run().stdout.splitlines()) == ["web 0.1.0: published", "worker 2.0.0: published"]
    second = run("--json")
    assert [(one["key"], one["result"]) for one in json.loads(second.stdout)] == [
        ("web/web-0.1.0.zip", "already published"),
        ("worker/worker-2.0.0.zip", "already published"),
    ]
    assert "web 0.1.0: already published" in second.stderr
    publishing.repository.git("tag", "--delete", "web-v0.1.0")
    assert run(code=1).stderr.startswith("deploy: no tag web-v0.1.0")
