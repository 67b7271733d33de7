"""The artifact bucket: a package is stored once, and its key is never overwritten."""

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
    """Return the bucket that holds the package of a stack.

    Raises:
        StackError: the bucket does not exist yet.
    """
    output = stack.wired.get(ARTIFACT_BUCKET)
    if output is None:
        return stack.parameters[ARTIFACT_BUCKET]
    if output.name not in outputs.get(output.stack, {}):
        raise StackError(f"{stack.name} takes its package from {output}, which does not exist")
    return outputs[output.stack][output.name]


def stored(s3: S3Client, bucket: str, key: str) -> Mapping[str, str] | None:
    """Return the metadata of a stored package, or None if it is not stored.

    Raises:
        PackageError: the bucket cannot be reached, or refuses the request.
    """
    with _errors_name(bucket):
        try:
            return s3.head_object(Bucket=bucket, Key=key)["Metadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                return None
            raise


def store(s3: S3Client, bucket: str, package: Package, metadata: Mapping[str, str]) -> bool:
    """Store a package under a free key. One request is enough: Lambda packages have at most 250 MB.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html

    Returns:
        False if the key was taken; the stored object is unchanged.

    Raises:
        PackageError: the bucket cannot be reached, or refuses the request.
    """
    with _errors_name(bucket), package.path.open("rb") as body:
        try:
            s3.put_object(Bucket=bucket, Key=package.key, Body=body, IfNoneMatch="*", Metadata=metadata)
        except ClientError as error:
            if error.response["Error"]["Code"] == "PreconditionFailed":
                return False
            raise
    return True


@contextmanager
def _errors_name(bucket: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise PackageError(f"artifact bucket {bucket}: {error}") from error
