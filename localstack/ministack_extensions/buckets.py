"""Buckets: a stack adopts an existing one with its objects, and events are sent in the region of the bucket."""

from typing import Any

from ministack.core import responses
from ministack.services import s3
from ministack.services.cloudformation import provisioners


def adopt_buckets() -> None:
    """Let a stack adopt an existing bucket: objects survive a killed emulator, but its stacks do not."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    create, update = handlers["create"], handlers["update"]

    def create_or_adopt(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name = properties.get("BucketName")
        bucket = s3._buckets.get(name) if name else None
        if bucket is None:
            return create(logical_id, properties, stack)
        bucket["region"] = provisioners.get_region()
        for option, value in s3._new_bucket_public_access_block().items():
            bucket.setdefault(option, value)
        return update(name, {}, properties, stack)

    handlers["create"] = create_or_adopt
    provisioners.s3_bucket_name_conflict = lambda name: None


def send_events_in_own_region() -> None:
    """Send the events of a bucket in its region: MiniStack takes that of the request, which a form does not have."""
    fire = s3._fire_s3_event

    def fire_there(bucket: str, *more: Any, **options: Any) -> None:
        with responses.request_scope(responses.get_account_id(), s3._notification_bucket_region(bucket)):
            fire(bucket, *more, **options)

    s3._fire_s3_event = fire_there
