"""Publishes the versions that an environment pins: each is built once, from the commit that its tag marks.

What runs in an environment can so be made again, and read, from the repository; the working tree has no part in it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import boto3

from deploy.apply import environment_outputs
from deploy.artifacts import artifact_bucket, store, stored
from deploy.environment import Environment, Platform
from deploy.errors import EnvironmentFileError, PackageError
from deploy.package import ARTIFACTS, SERVICES, Package, package_release, published_key
from release.errors import ReleaseError
from release.repository import Repository, tag_name
from release.version import Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COMMIT, SHA256 = "commit", "sha256"
"""The metadata of a published package: the commit that it was built from, and the digest of the zip in hexadecimal."""


@dataclass(frozen=True)
class Published:
    """A version that is in the artifact bucket now."""

    service: str
    version: str
    result: Literal["published", "there already"]
    bucket: str
    key: str
    commit: str
    sha256: str


@dataclass(frozen=True)
class _Pin:
    """A version to be published from a commit into a bucket."""

    service: str
    version: str
    commit: str
    bucket: str

    @property
    def key(self) -> str:
        return published_key(self.service, self.version)


def publish(environment: Environment, repository: Path, report: Callable[[Published], None]) -> tuple[Published, ...]:
    """Store the package of each pinned version that the artifact bucket lacks; everything is checked before.

    Args:
        environment: has pins.
        repository: the root of the repository with the tags.
        report: called with each version once it is in the bucket.

    Raises:
        EnvironmentFileError: the environment has no pins.
        PackageError: a version has no tag, was published from another commit than its tag marks, or cannot be built or
            stored. What was reported is published.
        StackError: the artifact bucket does not exist.
    """
    pins = _pins(environment, repository)
    s3 = boto3.client("s3", region_name=environment.region)
    there = {pin: metadata for pin in pins if (metadata := stored(s3, pin.bucket, pin.key)) is not None}
    for pin, metadata in there.items():
        _check_commit(pin, metadata)

    published = {pin: _published(pin, metadata, "there already") for pin, metadata in there.items()}
    for one in published.values():
        report(one)
    failures: list[str] = []
    with ThreadPoolExecutor() as pool:
        building = {
            pool.submit(_build_and_store, s3, pin, environment.platform, repository): pin
            for pin in pins
            if pin not in there
        }
        for done in as_completed(building):
            try:
                published[building[done]] = done.result()
            except PackageError as error:
                failures.append(str(error))
            else:
                report(done.result())
    if failures:
        raise PackageError("\n".join(failures))
    return tuple(published[pin] for pin in pins)


def _pins(environment: Environment, repository: Path) -> list[_Pin]:
    if environment.versions is None:
        raise EnvironmentFileError(f"{environment.path}: there is no versions section, so there is nothing to publish")
    outputs = environment_outputs(environment)
    buckets = {stack.service: artifact_bucket(stack, outputs) for stack in environment.stacks if stack.service}
    try:
        git = Repository(repository)
        return [
            _Pin(service, version, git.tag_commit(tag_name(service, Version.parse(version, service))), buckets[service])
            for service, version in environment.versions.items()
        ]
    except ReleaseError as error:
        raise PackageError(str(error)) from error


def _check_commit(pin: _Pin, metadata: Mapping[str, str]) -> None:
    if metadata.get(COMMIT) != pin.commit:
        raise PackageError(
            f"{pin.service} {pin.version} was published from commit {metadata.get(COMMIT, 'unknown')}, and its tag"
            f" marks {pin.commit}: a published version never changes; make release SERVICE={pin.service} makes another"
        )


def _published(pin: _Pin, metadata: Mapping[str, str], result: Literal["published", "there already"]) -> Published:
    return Published(pin.service, pin.version, result, pin.bucket, pin.key, metadata[COMMIT], metadata.get(SHA256, ""))


def _build_and_store(s3: S3Client, pin: _Pin, platform: Platform, repository: Path) -> Published:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ARTIFACTS) as temporary:
        built = _build(pin, platform, repository, Path(temporary))
        with built.path.open("rb") as content:
            metadata = {COMMIT: pin.commit, SHA256: hashlib.file_digest(content, "sha256").hexdigest()}
        if store(s3, pin.bucket, built, metadata):
            return _published(pin, metadata, "published")
    others = stored(s3, pin.bucket, pin.key) or {}  # somebody else was quicker
    _check_commit(pin, others)
    return _published(pin, others, "there already")


def _build(pin: _Pin, platform: Platform, repository: Path, folder: Path) -> Package:
    try:
        Repository(repository).archive(pin.commit, [SERVICES.name], folder)
    except ReleaseError as error:
        raise PackageError(str(error)) from error
    return package_release(
        pin.service, pin.version, platform, services=folder / SERVICES.name, commit=pin.commit, folder=folder
    )
