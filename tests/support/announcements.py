"""What the topic of uploads tells its subscribers: the messages that both functions get."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_plus
from uuid import uuid4

WAIT_SECONDS = 300.0


class Announcements:
    """A queue that is subscribed to the topic; use it in a `with` statement."""

    def __init__(self, aws: Any, topic: str) -> None:
        """Choose the topic."""
        self._sqs = aws.client("sqs")
        self._sns = aws.client("sns")
        self._topic = topic
        self.envelopes: list[dict[str, Any]] = []
        """The messages of the topic so far."""

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
        """Leave nothing behind."""
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._sqs.delete_queue(QueueUrl=self._queue)

    def until(self, key: str) -> dict[str, Any]:
        """Wait until an object is announced, and return its envelope: the topic's message about it."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            for envelope in self.envelopes:
                if key in keys(envelope):
                    return envelope
            assert time.monotonic() < deadline, f"{key!r} was not announced, but {self.keys()}"
            self._receive()

    def keys(self) -> list[str]:
        """Return the keys that have been announced so far, decoded."""
        return [key for envelope in self.envelopes for key in keys(envelope)]

    def _receive(self) -> None:
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            self.envelopes.append(json.loads(message["Body"]))
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def records(envelope: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what S3 said."""
    message = json.loads(envelope["Message"])
    return list(message.get("Records", []))


def keys(envelope: dict[str, Any]) -> list[str]:
    """Return the keys of a message, decoded."""
    return [unquote_plus(record["s3"]["object"]["key"]) for record in records(envelope)]


def as_lambda_event(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the event in which a function gets the message."""
    return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": envelope}]}
