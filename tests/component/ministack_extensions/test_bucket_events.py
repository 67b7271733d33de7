"""Buckets in every region send events of uploads, including those of forms."""

from uuid import uuid4

import pytest
import requests

from local_cloud.emulator import Emulator
from support.emulated_account import Account


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_the_event_of_a_form_upload_is_sent_in_the_region_of_the_bucket(emulator: Emulator, region: str) -> None:
    account = Account(emulator.endpoint_url, region)
    s3, sns, sqs = (account.client(service) for service in ("s3", "sns", "sqs"))
    name, bucket = f"events-{uuid4().hex[:8]}", account.new_bucket()
    topic = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]},
    )
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    form = s3.generate_presigned_post(bucket, "photo")
    assert requests.post(form["url"], data=form["fields"], files={"file": ("photo", b"x")}, timeout=10).ok
    assert account.receive(queue, "ObjectCreated:Post")
