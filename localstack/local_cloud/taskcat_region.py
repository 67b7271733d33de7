"""The resources of a taskcat run in a region of an account: a bucket for its packages, and the stack."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from deploy.errors import BusyError, StackError
from deploy.package import Package
from deploy.stack import delete_stack, find_stack, first_failure

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3ServiceResource

STACK = "gallery-taskcat"
"""The stack that taskcat creates; the names of its nested stacks begin with it."""

ARTIFACT_BUCKET = "artifacts-taskcat-{account}"
"""The start of bucket names: taskcat appends the region. It stores the templates next to the packages."""

ATTEMPTS = 3
"""Attempts to delete a stack, because a load balancer may write into its bucket until it is deleted itself."""

NESTED = "AWS::CloudFormation::Stack"


class TaskcatRegion:
    """A region of an account."""

    def __init__(self, session: boto3.Session, name: str, account: str) -> None:
        """Create the clients, without a request."""
        self.name = name
        self.bucket = f"{ARTIFACT_BUCKET.format(account=account)}-{name}"
        self._cloudformation: CloudFormationClient = session.client("cloudformation", region_name=name)
        self._s3: S3ServiceResource = session.resource("s3", region_name=name)

    def refuse_another_run(self) -> None:
        """Check that no operation on the stack is in progress.

        Raises:
            BusyError: one is.
        """
        found = find_stack(self._cloudformation, STACK)
        if found and found.busy:
            raise BusyError(
                f"{self.name}: {STACK} is {found.status}: another run is in progress, or one was just interrupted; "
                "try again when it has finished"
            )

    def prepare(self, packages: Mapping[str, Package], report: Callable[[str], None]) -> None:
        """Delete the resources of an interrupted run, and store the packages: Lambda reads them from its own region.

        Raises:
            StackError: a resource cannot be deleted.
        """
        self.clear(report)
        place: Any = (
            {} if self.name == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.name}}
        )
        self._s3.create_bucket(Bucket=self.bucket, **place)
        for built in packages.values():
            self._s3.Bucket(self.bucket).upload_file(str(built.path), built.key)

    def failures(self) -> list[str]:
        """Return the root cause of each stack that could not be created, nested stacks first."""
        causes = []
        for stack in [*self._physical_ids(STACK, NESTED), STACK]:
            found = find_stack(self._cloudformation, stack)
            if found and not found.settled:
                causes.append(f"{self.name}: {found.name}: {first_failure(self._cloudformation, stack)}")
        return causes

    def clear(self, report: Callable[[str], None]) -> None:
        """Delete the stack with the content of its buckets, and the bucket of the packages. It is idempotent.

        Raises:
            StackError: a resource could not be deleted.
        """
        for attempt in range(1, ATTEMPTS + 1):
            found = find_stack(self._cloudformation, STACK)
            if found is None:
                break
            for bucket in self._buckets(STACK):
                self._empty(bucket)
            try:
                delete_stack(self._cloudformation, found)
            except StackError:
                if attempt == ATTEMPTS:
                    raise
            else:
                report(f"{self.name}: {STACK} is deleted")
        if self._empty(self.bucket):
            self._s3.Bucket(self.bucket).delete()

    def _buckets(self, stack: str) -> Iterator[str]:
        yield from self._physical_ids(stack, "AWS::S3::Bucket")
        for nested in self._physical_ids(stack, NESTED):
            yield from self._buckets(nested)

    def _physical_ids(self, stack: str, resource_type: str) -> list[str]:
        """Return the ids of existing resources of a type; none if there is no such stack."""
        try:
            pages = list(self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack))
        except ClientError as error:
            if "does not exist" in error.response["Error"]["Message"]:
                return []
            raise
        resources = (resource for page in pages for resource in page["StackResourceSummaries"])
        ids = (found.get("PhysicalResourceId", "") for found in resources if found["ResourceType"] == resource_type)
        return list(filter(None, ids))

    def _empty(self, bucket: str) -> bool:
        """Delete every version of every object in a bucket; return whether the bucket exists."""
        try:
            self._s3.Bucket(bucket).object_versions.delete()
        except self._s3.meta.client.exceptions.NoSuchBucket:
            return False
        return True
