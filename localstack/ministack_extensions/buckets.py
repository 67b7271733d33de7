"""Buckets: a stack takes over one that is there already, with its objects; events are sent in the region of theirs."""

from __future__ import annotations

from typing import Any

from ministack.core import responses
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


def announce_in_own_region() -> None:
    """Send the events of a bucket in its region: a form has none where MiniStack looks for that of a request."""
    fire = s3._fire_s3_event

    def fire_there(bucket: str, *more: Any, **options: Any) -> None:
        with responses.request_scope(responses.get_account_id(), s3._notification_bucket_region(bucket)):
            fire(bucket, *more, **options)

    s3._fire_s3_event = fire_there
