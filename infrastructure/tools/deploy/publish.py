"""Publishes the versions that an environment pins: each is built once, from the commit of its tag.

Everything that an environment runs can therefore be rebuilt from the repository; the working tree is not used.
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

from deploy.artifacts import artifact_bucket, store, stored
from deploy.environment import Environment, Platform
from deploy.errors import EnvironmentFileError, PackageError
from deploy.outputs import environment_outputs
from deploy.package import ARTIFACTS, SERVICES, Package, package_release, published_key
from release.errors import ReleaseError
from release.repository import Repository, tag_name
from release.version import Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COMMIT, SHA256 = "commit", "sha256"
"""Metadata keys of a published package: the commit it was built from, and the digest of the zip in hexadecimal."""


@dataclass(frozen=True)
class Pin:
    """A pinned version: its place in the artifact bucket, and the commit to build it from."""

    service: str
    version: str
    bucket: str
    key: str
    commit: str


@dataclass(frozen=True)
class Published(Pin):
    """A pinned version in the artifact bucket."""

    result: Literal["published", "already published"]
    sha256: str


def publish(
    session: boto3.Session, environment: Environment, repository: Path, report: Callable[[Published], None]
) -> tuple[Published, ...]:
    """Store the package of each pinned version that the artifact bucket lacks, after checking all of them.

    Args:
        session: the AWS account.
        environment: an environment with pins.
        repository: the root of the repository with the tags.
        report: called with each version that is in the bucket.

    Raises:
        EnvironmentFileError: the environment has no pins.
        PackageError: a version has no tag, was published from another commit than its tag marks, or cannot be built or
            stored. Versions that were reported are published.
        StackError: the artifact bucket does not exist.
    """
    pins = _pins(session, environment, repository)
    s3 = session.client("s3", region_name=environment.region)
    published = {
        pin: _published(pin, metadata, "already published")
        for pin in pins
        if (metadata := stored(s3, pin.bucket, pin.key)) is not None
    }
    for one in published.values():
        report(one)
    failures: list[str] = []
    with ThreadPoolExecutor() as pool:
        building = {
            pool.submit(_build_and_store, s3, pin, environment.platform, repository): pin
            for pin in pins
            if pin not in published
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


def _pins(session: boto3.Session, environment: Environment, repository: Path) -> list[Pin]:
    if environment.versions is None:
        raise EnvironmentFileError(f"{environment.path}: nothing to publish without a versions section")
    outputs = environment_outputs(session, environment)
    buckets = {stack.service: artifact_bucket(stack, outputs) for stack in environment.stacks if stack.service}
    try:
        git = Repository(repository)
        pins = []
        for service, version in environment.versions.items():
            commit = git.tag_commit(tag_name(service, Version.parse(version, service)))
            pins.append(Pin(service, version, buckets[service], published_key(service, version), commit))
        return pins
    except ReleaseError as error:
        raise PackageError(str(error)) from error


def _published(pin: Pin, metadata: Mapping[str, str], result: Literal["published", "already published"]) -> Published:
    """Describe a stored package.

    Raises:
        PackageError: it was built from another commit.
    """
    if metadata.get(COMMIT) != pin.commit:
        raise PackageError(
            f"{pin.service} {pin.version} was published from commit {metadata.get(COMMIT, 'unknown')}, but its tag "
            f"marks {pin.commit}: a published version never changes; make release SERVICE={pin.service} creates a new "
            "one"
        )
    return Published(**vars(pin), result=result, sha256=metadata.get(SHA256, ""))


def _build_and_store(s3: S3Client, pin: Pin, platform: Platform, repository: Path) -> Published:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ARTIFACTS) as temporary:
        built = _build(pin, platform, repository, Path(temporary))
        with built.path.open("rb") as content:
            metadata = {COMMIT: pin.commit, SHA256: hashlib.file_digest(content, "sha256").hexdigest()}
        if store(s3, pin.bucket, built, metadata):
            return _published(pin, metadata, "published")
    return _published(pin, stored(s3, pin.bucket, pin.key) or {}, "already published")  # another process was faster


def _build(pin: Pin, platform: Platform, repository: Path, folder: Path) -> Package:
    try:
        Repository(repository).archive(pin.commit, [SERVICES.name], folder)
    except ReleaseError as error:
        raise PackageError(str(error)) from error
    return package_release(
        pin.service, pin.version, platform, services=folder / SERVICES.name, commit=pin.commit, folder=folder
    )
