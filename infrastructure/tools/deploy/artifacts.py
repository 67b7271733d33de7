"""The artifact bucket: a package is stored in it once, and its key never holds anything else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from deploy.environment import ARTIFACT_BUCKET, Stack
from deploy.errors import PackageError, StackError
from deploy.package import Package

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def artifact_bucket(stack: Stack, outputs: Mapping[str, Mapping[str, str]]) -> str:
    """Return the bucket from which a stack takes its package.

    Raises:
        StackError: it does not exist yet.
    """
    output = stack.wired.get(ARTIFACT_BUCKET)
    if output is None:
        return stack.parameters[ARTIFACT_BUCKET]
    if output.name not in outputs.get(output.stack, {}):
        raise StackError(f"{stack.name} takes its package from {output}, which does not exist")
    return outputs[output.stack][output.name]


def stored(s3: S3Client, bucket: str, key: str) -> Mapping[str, str] | None:
    """Return the metadata of a package in a bucket, or None if it is not there.

    Raises:
        PackageError: the bucket does not answer.
    """
    with _told_of(bucket):
        try:
            return s3.head_object(Bucket=bucket, Key=key)["Metadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise


def store(s3: S3Client, bucket: str, package: Package, metadata: Mapping[str, str]) -> bool:
    """Store a package whose key is free; one request does, for a package of Lambda has 250 MB at the most.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    Returns:
        False if something was stored under its key before; that stays.

    Raises:
        PackageError: the bucket does not take it.
    """
    with _told_of(bucket), package.path.open("rb") as body:
        try:
            s3.put_object(Bucket=bucket, Key=package.key, Body=body, IfNoneMatch="*", Metadata=metadata)
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
    return True


@contextmanager
def _told_of(bucket: str) -> Iterator[None]:
    """Name the bucket in whatever goes wrong with it."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise PackageError(f"artifact bucket {bucket}: {error}") from error
