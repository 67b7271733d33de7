"""AWS::S3::Bucket: a stack takes over a bucket that is there already, with its objects."""

from __future__ import annotations

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners


def take_over_buckets() -> None:
    """Let a stack take over a bucket that exists: objects outlive a killed emulator, and its stacks do not."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]

    def create_or_take_over(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get("BucketName")
        bucket = s3._buckets.get(name) if name else None
        if bucket is None:
            return create(logical_id, properties, stack)
        bucket["region"] = provisioners.get_region()
        for option, value in s3._new_bucket_public_access_block().items():
            bucket.setdefault(option, value)
        return update(name, {}, properties, stack)

    handlers["create"] = create_or_take_over
    provisioners.s3_bucket_name_conflict = lambda name: None
