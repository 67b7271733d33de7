"""Publishing: each pinned version is built once, from its tag, and an environment runs nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

import deploy.__main__ as command_line
from deploy.apply import apply_plan, environment_outputs
from deploy.artifacts import store
from deploy.environment import Environment, load_environment
from deploy.errors import EnvironmentFileError, PackageError
from deploy.package import Package
from deploy.plan import make_plan
from deploy.publish import Published, publish
from deploy.status import read_status
from support.deploy_project import REGION, RUNS, Project, kinds, silent
from support.tagged_services import TaggedServices

STACKS = """
web:
  template: runs.yaml
  service: web
  parameters: {ArtifactBucket: bootstrap.ArtifactBucket}
worker:
  template: runs.yaml
  service: worker
  parameters: {ArtifactBucket: bootstrap.ArtifactBucket}
"""


@pytest.fixture
def repository(tmp_path: Path) -> TaggedServices:
    repository = TaggedServices(tmp_path / "repository")
    repository.release("web", "0.1.0", "PAGES = 1\n")
    repository.release("worker", "2.0.0", "WORK = 1\n")
    return repository


@pytest.fixture
def bucket(project: Project) -> str:
    """Make an artifact bucket that counts what is stored in it."""
    name = f"artifacts-{project.prefix}"
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def pinned(project: Project, bucket: str, versions: str = "{web: 0.1.0, worker: 2.0.0}") -> Environment:
    provided = f"provided: {{bootstrap: {{ArtifactBucket: {bucket}}}}}\n"
    return project.write(STACKS, f"{provided}versions: {versions}\n", runs=RUNS)


def publish_all(environment: Environment, repository: TaggedServices) -> dict[str, str]:
    """Publish, and return what was said of each service."""
    said: list[Published] = []
    publish(environment, repository.path, said.append)
    return {published.service: published.result for published in said}


def content(bucket: str, key: str) -> tuple[zipfile.ZipFile, dict[str, str]]:
    """Return a stored package and its metadata."""
    stored = boto3.client("s3", region_name=REGION).get_object(Bucket=bucket, Key=key)
    return zipfile.ZipFile(io.BytesIO(stored["Body"].read())), stored["Metadata"]


def uploads(bucket: str) -> list[str]:
    """Return the keys of everything that was ever stored."""
    found: Any = boto3.client("s3", region_name=REGION).list_object_versions(Bucket=bucket)
    return sorted(version["Key"] for version in found.get("Versions", []))


def running(environment: Environment, stack: str) -> str:
    name = environment_outputs(environment)[stack]["Name"]
    value: str = boto3.client("ssm", region_name=REGION).get_parameter(Name=name)["Parameter"]["Value"]
    return value


def test_a_version_is_built_from_its_tag_and_not_from_the_working_tree(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    tagged = repository.git("rev-parse", "web-v0.1.0")
    repository.write("web", "0.1.0", "PAGES = 'half done'\n")
    assert publish_all(pinned(project, bucket), repository) == {"web": "published", "worker": "published"}
    package, metadata = content(bucket, "web/web-0.1.0.zip")
    assert package.read("web/__init__.py") == b"PAGES = 1\n"
    assert json.loads(package.read("manifest.json"))["commit"] == metadata["commit"] == tagged


def test_a_package_in_the_bucket_says_its_digest(project: Project, bucket: str, repository: TaggedServices) -> None:
    published = publish(pinned(project, bucket), repository.path, lambda _: None)
    for one in published:
        body = boto3.client("s3", region_name=REGION).get_object(Bucket=one.bucket, Key=one.key)["Body"].read()
        assert one.sha256 == content(bucket, one.key)[1]["sha256"] == hashlib.sha256(body).hexdigest()


def test_nothing_is_published_twice(project: Project, bucket: str, repository: TaggedServices) -> None:
    environment = pinned(project, bucket)
    publish_all(environment, repository)
    assert publish_all(environment, repository) == {"web": "there already", "worker": "there already"}
    assert uploads(bucket) == ["web/web-0.1.0.zip", "worker/worker-2.0.0.zip"]


def test_only_a_new_version_is_published(project: Project, bucket: str, repository: TaggedServices) -> None:
    publish_all(pinned(project, bucket), repository)
    repository.release("web", "0.2.0", "PAGES = 2\n")
    environment = pinned(project, bucket, "{web: 0.2.0, worker: 2.0.0}")
    assert publish_all(environment, repository) == {"web": "published", "worker": "there already"}


def test_of_two_at_once_one_publishes_and_both_agree(project: Project, bucket: str, repository: TaggedServices) -> None:
    environment = pinned(project, bucket)
    with ThreadPoolExecutor() as pool:
        first, second = pool.map(lambda _: publish(environment, repository.path, lambda _: None), range(2))
    assert {(one.key, one.sha256) for one in first} == {(one.key, one.sha256) for one in second}
    assert uploads(bucket) == ["web/web-0.1.0.zip", "worker/worker-2.0.0.zip"]


def test_a_key_that_is_taken_keeps_what_it_holds(bucket: str, tmp_path: Path) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    for number, path in enumerate((tmp_path / "first.zip", tmp_path / "second.zip")):
        path.write_text(path.name)
        assert store(s3, bucket, Package("web", "1.0.0", path, "web/web-1.0.0.zip"), {}) == (number == 0)
    assert s3.get_object(Bucket=bucket, Key="web/web-1.0.0.zip")["Body"].read() == b"first.zip"


def test_a_published_version_whose_tag_moved_is_refused_before_anything_is_published(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    publish_all(pinned(project, bucket), repository)
    repository.write("web", "0.1.0", "PAGES = 'other'\n")
    repository.commit("Change web without a new version")
    repository.git("tag", "--force", "web-v0.1.0")
    repository.release("worker", "2.1.0", "WORK = 2\n")
    with pytest.raises(PackageError, match=r"web 0\.1\.0 was published from commit \w{40}.*never changes"):
        publish_all(pinned(project, bucket, "{web: 0.1.0, worker: 2.1.0}"), repository)
    assert "worker/worker-2.1.0.zip" not in uploads(bucket)


def test_what_somebody_else_stored_is_no_published_version(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    boto3.client("s3", region_name=REGION).put_object(Bucket=bucket, Key="web/web-0.1.0.zip", Body=b"by hand")
    with pytest.raises(PackageError, match=r"web 0\.1\.0 was published from commit unknown"):
        publish_all(pinned(project, bucket), repository)


def test_a_version_without_a_tag_is_refused(project: Project, bucket: str, repository: TaggedServices) -> None:
    repository.git("tag", "--delete", "web-v0.1.0")
    with pytest.raises(PackageError, match=r"no tag web-v0\.1\.0.*git fetch.*make tag"):
        publish_all(pinned(project, bucket), repository)


def test_a_tag_on_a_commit_with_another_version_is_refused(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    repository.git("tag", "web-v9.0.0")
    with pytest.raises(PackageError, match=r"holds web 0\.1\.0, not 9\.0\.0: its tag is wrong"):
        publish_all(pinned(project, bucket, "{web: 9.0.0, worker: 2.0.0}"), repository)


def test_a_version_that_cannot_be_built_keeps_no_other_from_being_published(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    repository.write("web", "0.2.0", "PAGES = 2\n")
    lock = repository.services / "web" / "requirements.txt"
    lock.write_text(lock.read_text().replace("sha256:4", "sha256:5").replace("sha256:f", "sha256:e"))
    repository.commit("Release web 0.2.0")
    repository.git("tag", "web-v0.2.0")
    with pytest.raises(PackageError, match="the dependencies of web could not be installed"):
        publish_all(pinned(project, bucket, "{web: 0.2.0, worker: 2.0.0}"), repository)
    assert uploads(bucket) == ["worker/worker-2.0.0.zip"]


def test_an_environment_of_the_working_tree_has_nothing_to_publish(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    pinned(project, bucket)
    file = project.folder / "environments" / "test.yaml"
    file.write_text(file.read_text().replace("versions: {web: 0.1.0, worker: 2.0.0}\n", ""))
    with pytest.raises(EnvironmentFileError, match=r"test\.yaml: there is no versions section"):
        publish_all(project.load(), repository)


def test_what_is_not_published_is_planned_but_not_applied(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    environment = pinned(project, bucket)
    plan = make_plan(environment)
    assert kinds(plan) == {"web": "create", "worker": "create"}
    with pytest.raises(PackageError, match=r"make publish ENV=test.*web/web-0\.1\.0\.zip.*worker/worker-2\.0\.0\.zip"):
        apply_plan(environment, plan, silent)
    assert {status.status for status in read_status(environment)} == {"REVIEW_IN_PROGRESS"}
    publish_all(environment, repository)
    apply_plan(environment, plan, silent)
    assert running(environment, "web") == f"{bucket}/web/web-0.1.0.zip"


def test_a_new_pin_updates_its_stack_alone_and_the_old_one_takes_it_back(
    project: Project, bucket: str, repository: TaggedServices
) -> None:
    before = pinned(project, bucket)
    publish_all(before, repository)
    apply_plan(before, make_plan(before), silent)
    repository.release("web", "0.2.0", "PAGES = 2\n")
    after = pinned(project, bucket, "{web: 0.2.0, worker: 2.0.0}")
    plan = make_plan(after)
    assert kinds(plan) == {"web": "update", "worker": "unchanged"}
    publish_all(after, repository)
    apply_plan(after, plan, silent)
    assert running(after, "web") == f"{bucket}/web/web-0.2.0.zip"
    back = pinned(project, bucket)
    apply_plan(back, make_plan(back), silent)
    assert running(back, "web") == f"{bucket}/web/web-0.1.0.zip"
    assert not make_plan(back).changes_anything


def test_the_command_says_what_it_did_to_each_version(
    project: Project,
    bucket: str,
    repository: TaggedServices,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["deploy", "publish", "test", *arguments])
        return command_line.main(), *capsys.readouterr()

    pinned(project, bucket)
    monkeypatch.setattr(command_line, "REPOSITORY", repository.path)
    monkeypatch.setattr(
        command_line, "load_environment", lambda name, variables: load_environment(name, variables, project.folder)
    )
    status, told, _ = run()
    assert (status, sorted(told.splitlines())) == (0, ["web 0.1.0: published", "worker 2.0.0: published"])
    status, answer, told = run("--json")
    assert [(one["key"], one["result"]) for one in json.loads(answer)] == [
        ("web/web-0.1.0.zip", "there already"),
        ("worker/worker-2.0.0.zip", "there already"),
    ]
    assert "web 0.1.0: there already" in told
    repository.git("tag", "--delete", "web-v0.1.0")
    status, _, told = run()
    assert status == command_line.FAILED
    assert told.startswith("deploy: there is no tag web-v0.1.0")
