"""Buckets in every region send events of uploads, including those of forms."""

from uuid import uuid4

import pytest
import requests

from local_cloud.emulator import Emulator
from support.emulated_account import Account
from support.waiting import wait_until


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_event_of_a_form_upload_is_sent_in_the_region_of_the_bucket(emulator: Emulator, region: str) -> None:
    account = Account(emulator.endpoint_url, region)
    s3, sns, sqs = (account.client(service) for service in ("s3", "sns", "sqs"))
    name = f"events-{uuid4().hex[:8]}"
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    where = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3.create_bucket(Bucket=name, **place)
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]},
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=where)
    form = s3.generate_presigned_post(name, "photo")
    assert requests.post(form["url"], data=form["fields"], files={"file": ("photo", b"x")}, timeout=10).ok

    def is_announced() -> bool:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        return any("ObjectCreated:Post" in message["Body"] for message in messages)

    wait_until(is_announced)
