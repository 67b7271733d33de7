"""The messages that the upload topic sends to its subscribers, both Lambda functions among them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_plus
from uuid import uuid4

from support.waiting import wait_until

_NO_MESSAGE = json.dumps({"no-message": ["has-this"]})
_EVERY_MESSAGE = "{}"


class Announcements:
    """A queue subscribed to the topic; use it in a `with` statement."""

    def __init__(self, aws: Any, topic: str) -> None:
        """Choose the topic by its ARN; `aws` makes clients."""
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self._topic = topic
        self.envelopes: list[dict[str, Any]] = []
        """The messages received so far."""

    def __enter__(self) -> Self:
        """Subscribe a new queue."""
        self._queue = self._sqs.create_queue(QueueName=f"test-{uuid4().hex}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        self._subscription = self._sns.subscribe(
            TopicArn=self._topic, Protocol="sqs", Endpoint=attributes["QueueArn"], ReturnSubscriptionArn=True
        )["SubscriptionArn"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Delete the subscription and the queue."""
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def until(self, key: str) -> dict[str, Any]:
        """Wait until an object is announced, and return its envelope: the topic's message about it."""

        def announced() -> dict[str, Any] | None:
            self._receive()
            return next((envelope for envelope in self.envelopes if key in keys(envelope)), None)

        return wait_until(announced, lambda: f"{key!r} was not announced, only {self.keys()}")

    def receive(self, count: int) -> list[dict[str, Any]]:
        """Wait until `count` messages have arrived, and return all envelopes in that order."""

        def arrived() -> bool:
            self._receive()
            return len(self.envelopes) >= count

        wait_until(arrived, lambda: f"only {self.keys()} were announced")
        return self.envelopes

    def keys(self) -> list[str]:
        """Return the keys announced so far, decoded."""
        return [key for envelope in self.envelopes for key in keys(envelope)]

    def _receive(self) -> None:
        response = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in response.get("Messages", []):
            self.envelopes.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def records(envelope: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the records of the S3 event in an envelope."""
    message = json.loads(envelope["Message"])
    return list(message.get("Records", []))


def keys(envelope: dict[str, Any]) -> list[str]:
    """Return the keys in an envelope, decoded."""
    return [unquote_plus(record["s3"]["object"]["key"]) for record in records(envelope)]


def as_lambda_event(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the event that a function receives for an envelope."""
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": envelope}]}


@contextmanager
def muted(aws: Any, topic: str, function: str = "") -> Iterator[None]:
    """Keep the topic from sending anything to a function (its ARN), or to all of them, until the block ends."""
    sns = aws.client("sns")
    subscriptions = [
        found["SubscriptionArn"]
        for page in sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        for found in page["Subscriptions"]
        if found["Protocol"] == "lambda" and function in ("", found["Endpoint"])
    ]
    assert subscriptions

    def let_through(policy: str) -> None:
        for arn in subscriptions:
            sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy)

    let_through(_NO_MESSAGE)
    try:
        yield
    finally:
        let_through(_EVERY_MESSAGE)
