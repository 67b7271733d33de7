"""From merges to running galleries: deploy.yml and plan.yml deploy two environments to an emulated account.

Real are git with its tags, packages built from them, change sets, databases, functions, both galleries, and the smoke
test. The checks are simulated; they have tests of their own.
"""

import io
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from PIL import Image

from deploy.environment import Environment, load_environment
from deploy.status import read_status
from local_cloud.ministack import MiniStack
from local_cloud.session import EmulatorSession
from release.pins import with_pin
from release.version import Version
from servers.ports import free_ports
from support import photos
from support.emulated_environment import ACCOUNT, prepared_account
from support.gallery_client import GalleryClient
from support.github_server import GitHubServer
from workflows.act import NAME, TOKEN, WORKFLOWS, Run, Runner, Scratch
from workflows.conftest import CODE, PASSED, VARIABLES, GitHub
from workflows.instances import Instance, refreshing

REGION = "eu-central-1"
ENVIRONMENTS = ("staging", "production")
SERVICES = ("annotate", "catalog", "thumbnail", "web")
REAL = ("tag", "publish", "plan", "apply", "smoke", "comment", "discard")


class RegionalEmulator(MiniStack):
    """An emulator whose default region is ours: the upload forms of browsers do not name a region."""

    def environ(self) -> dict[str, str]:
        return {**super().environ(), "MINISTACK_REGION": REGION}


@dataclass(frozen=True)
class Seen:
    """An environment after a merge, as users see it."""

    gallery: str
    """The version that the gallery reports."""
    deployed: Mapping[str, str]
    """Versions of services by name."""
    thumbnail: int
    """The width of a new photo's thumbnail in pixels."""
    photos: int


@dataclass(frozen=True)
class Merge:
    """The effects of a merge."""

    run: Run
    staging: Seen
    production: Seen

    def published(self, environment: str) -> list[str]:
        """Return the versions that were published for an environment."""
        return re.findall(r"^(\w+ [\d.]+): published", self._output(environment), re.MULTILINE)

    def changed(self, environment: str) -> list[str]:
        """Return the stacks of an environment that were created or updated."""
        return re.findall(r"^(\w+): (?:created|updated)$", self._output(environment), re.MULTILINE)

    def _output(self, environment: str) -> str:
        return next((job.output for job in self.run.jobs if job.name == f"{environment.title()} / Apply"), "")


@dataclass(frozen=True)
class World:
    """A repository, the account that it is deployed to, and clients for its galleries."""

    scratch: Scratch
    github: GitHub
    server: GitHubServer
    session: EmulatorSession
    galleries: Mapping[str, GalleryClient]

    def merge(self) -> Merge:
        """Push the commits to main, run the workflow, and inspect both environments."""
        run = self.github.push()
        failed = [f"{job.name}:\n{job.output}" for job in run.jobs if job.result != "success"]
        assert not failed, "\n".join(failed)
        self.scratch.git("fetch", "--quiet", "--tags", "origin")
        return Merge(run, *(self._look(name) for name in ENVIRONMENTS))

    def change_sets(self, label: str) -> list[str]:
        """Return the stacks with a change set of a plan."""
        cloudformation = self.session.client("cloudformation", region_name=REGION)
        environments = [self._environment(name) for name in ENVIRONMENTS]
        stacks = [environment.stack_name(stack.name) for environment in environments for stack in environment.stacks]
        return [
            stack
            for stack in stacks
            for found in cloudformation.list_change_sets(StackName=stack)["Summaries"]
            if found["ChangeSetName"].startswith(f"{label}-")
        ]

    def _look(self, name: str) -> Seen:
        gallery = self.galleries[name]
        image = gallery.wait(gallery.upload(photos.jpeg()))
        thumbnail = Image.open(io.BytesIO(requests.get(image["thumbnail"]["url"], timeout=10).content))
        packages = {status.stack: status.package for status in read_status(self.session, self._environment(name))}
        return Seen(
            gallery=requests.get(f"{gallery.url}/healthz", timeout=10).json()["version"],
            deployed={
                stack: package.removeprefix(f"{stack}-").removesuffix(".zip")
                for stack, package in packages.items()
                if package
            },
            thumbnail=thumbnail.width,
            photos=len(requests.get(f"{gallery.url}/api/images", timeout=10).json()["images"]),
        )

    def _environment(self, name: str) -> Environment:
        return load_environment(name, {"AWS_ACCOUNT_ID": ACCOUNT}, self.scratch.path / "infrastructure")


def edit(file: Path, pattern: str, replacement: str) -> None:
    """Replace the only match of a pattern."""
    text, found = re.subn(pattern, replacement, file.read_text(), flags=re.MULTILINE)
    assert found == 1, f"{found} matches of {pattern} in {file}"
    file.write_text(text)


def version_of(scratch: Scratch, service: str) -> Version:
    """Return the version in the source of a service."""
    project = scratch.path / "services" / service / "pyproject.toml"
    return Version.parse(tomllib.loads(project.read_text())["project"]["version"], str(project))


def scratch_with_galleries(folder: Path, ports: Mapping[str, int]) -> Scratch:
    """Return a repository without tags whose environments run the current versions on this machine."""
    scratch = Scratch(folder, *CODE)
    (scratch.path / WORKFLOWS / "ci.yml").write_text(PASSED)
    for name, port in ports.items():
        file = scratch.path / "infrastructure" / "environments" / f"{name}.yaml"
        edit(file, r"^platform: aws\b", "platform: host")
        edit(file, r"GalleryOrigin: \S+", f"GalleryOrigin: http://127.0.0.1:{port}")
        for service in SERVICES:
            file.write_text(with_pin(file.read_text(), str(file), service, version_of(scratch, service)))
    scratch.commit("Deploy to this machine")
    return scratch


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("merge-to-deploy")
    emulator_port, *free = free_ports(3)
    ports = dict(zip(ENVIRONMENTS, free, strict=True))
    emulator = RegionalEmulator(folder / "cloud", emulator_port, os.environ, databases=True)
    instances = [
        Instance(f"gallery-{name}-web", REGION, port, emulator.endpoint_url, folder / name)
        for name, port in ports.items()
    ]
    scratch = scratch_with_galleries(folder, ports)
    try:
        emulator.start()
        session = prepared_account(emulator.endpoint_url)
        with GitHubServer(NAME, TOKEN) as server, refreshing(instances) as url:
            runner = Runner(real=REAL, followers={"apply": url}, emulator=emulator.endpoint_url, github=server.url)
            github = GitHub(scratch, tmp_path_factory.mktemp, VARIABLES, runner)
            galleries = {name: GalleryClient(f"http://127.0.0.1:{port}") for name, port in ports.items()}
            yield World(scratch, github, server, session, galleries)
    finally:
        emulator.abandon()


class Story:
    """A series of merges, and the pull request of a promotion; tests check the results."""

    def __init__(self, world: World) -> None:
        """Do what developers do."""
        scratch, services = world.scratch, world.scratch.path / "services"
        self.old = str(version_of(scratch, "thumbnail"))
        self.first = world.merge()
        self.again = world.merge()

        edit(services / "thumbnail" / "thumbnail" / "resize.py", r"^BOX = \d+$", "BOX = 256")
        scratch.commit("Make thumbnails smaller")
        scratch.make("release", "SERVICE=thumbnail")
        scratch.commit("Release thumbnail")
        self.new = str(version_of(scratch, "thumbnail"))
        scratch.make("versions")
        self.release = world.merge()

        scratch.make("promote", "SERVICE=thumbnail", "FROM=staging", "TO=production")
        scratch.commit("Promote thumbnail to production")
        scratch.make("versions")
        number = world.server.open_pull_request()
        world.github.pull_request("plan", number=number)
        self.change_sets = world.change_sets(f"pr-{number}")
        self.closed = world.github.pull_request("plan", number=number, action="closed")
        self.change_sets_left = world.change_sets(f"pr-{number}")
        self.promotion = world.merge()

        scratch.git("revert", "--no-edit", "HEAD")
        scratch.make("promote", "SERVICE=thumbnail", "FROM=production", "TO=staging")
        scratch.commit("Revert staging, too")
        with (services / "catalog" / "catalog" / "images.py").open("a") as file:
            file.write("\n# A comment.\n")
        edit(
            scratch.path / "infrastructure" / "environments" / "staging.yaml",
            r"^(  annotate:\n    Concurrency): \d+$",
            r"\1: 4",
        )
        scratch.commit("Reduce the concurrency of annotate; comment the catalog")
        self.rollback = world.merge()
        """It also changes a parameter of annotate in staging, and the catalog without a release."""
        self.comments = world.server.bodies(number)


@pytest.fixture(scope="module")
def story(world: World) -> Story:
    return Story(world)


def test_the_first_merge_creates_both_environments_with_their_galleries(story: Story) -> None:
    for name, seen in (("staging", story.first.staging), ("production", story.first.production)):
        assert len(story.first.changed(name)) == 9
        assert set(seen.deployed) == set(SERVICES)
        assert seen.gallery == seen.deployed["web"]
        assert f"{name.title()} / Smoke test" in story.first.run.results


def test_each_version_is_built_once_for_both_environments(story: Story) -> None:
    versions = [f"{service} {version}" for service, version in story.first.staging.deployed.items()]
    assert sorted(story.first.published("staging")) == sorted(versions)
    assert story.first.production.deployed == story.first.staging.deployed
    assert story.first.published("production") == []


def test_a_second_run_on_the_same_commit_publishes_and_changes_nothing(story: Story) -> None:
    targets = story.again.run.targets
    assert targets("staging") == targets("production") == ["plan", "smoke"]


def test_a_release_publishes_and_deploys_one_service_to_staging_only(story: Story) -> None:
    assert story.release.published("staging") == [f"thumbnail {story.new}"]
    assert story.release.changed("staging") == ["thumbnail"]
    assert story.release.run.targets("production") == ["plan", "smoke"]
    assert story.release.staging.deployed == {**story.first.staging.deployed, "thumbnail": story.new}
    assert story.release.production.deployed == story.first.production.deployed


def test_a_release_is_visible_in_staging_and_not_yet_in_production(story: Story) -> None:
    assert (story.release.staging.thumbnail, story.release.production.thumbnail) == (256, 512)


def test_the_pull_request_of_a_promotion_shows_its_changes(story: Story) -> None:
    (comment,) = story.comments
    assert f"| `thumbnail` | `{story.old}` | `{story.new}` |" in comment
    assert "`staging`" in comment
    assert "`production`" in comment
    assert story.change_sets == ["gallery-production-thumbnail"]


def test_closing_the_pull_request_deletes_its_change_sets(story: Story) -> None:
    assert set(story.closed.results.values()) == {"success"}
    assert story.change_sets_left == []


def test_a_promotion_deploys_to_production_without_building(story: Story) -> None:
    assert story.promotion.published("production") == []
    assert story.promotion.changed("production") == ["thumbnail"]
    assert story.promotion.run.targets("staging") == ["plan", "smoke"]
    assert story.promotion.production.deployed["thumbnail"] == story.new
    assert story.promotion.production.thumbnail == 256


def test_reverting_and_demoting_restore_the_old_version_without_building(story: Story) -> None:
    for name, seen in (("staging", story.rollback.staging), ("production", story.rollback.production)):
        assert story.rollback.published(name) == []
        assert "thumbnail" in story.rollback.changed(name)
        assert seen.deployed["thumbnail"] == story.old
        assert seen.thumbnail == 512


def test_an_unreleased_catalog_is_not_published_and_a_parameter_needs_no_build(story: Story) -> None:
    assert story.rollback.published("staging") == []
    assert story.rollback.changed("staging") == ["thumbnail", "annotate"]
    assert story.rollback.changed("production") == ["thumbnail"]
    assert story.rollback.staging.deployed == story.first.staging.deployed


def test_no_photo_is_lost(story: Story) -> None:
    merges = (story.first, story.again, story.release, story.promotion, story.rollback)
    assert [merge.staging.photos for merge in merges] == [1, 2, 3, 4, 5]
    assert [merge.production.photos for merge in merges] == [1, 2, 3, 4, 5]
