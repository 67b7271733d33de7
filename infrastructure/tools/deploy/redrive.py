"""Sends dead letters to their functions again.

A dead letter is either what Lambda writes about an event that failed for good (the event is its `requestPayload`), or
an SNS message that could not be delivered to the function at all.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from deploy.apply import environment_outputs
from deploy.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH = 10  # the most that SQS hands out at once
HIDDEN_SECONDS = 60
"""How long a letter that is being sent is hidden from others; if sending it fails, it comes back."""


@dataclass(frozen=True)
class Redriven:
    """What became of the dead letters of one function."""

    stack: str
    sent: int
    unreadable: int
    """Letters that hold no event; they stay in the queue."""


def redrive(environment: Environment) -> list[Redriven]:
    """Start each function again, asynchronously, with every event of its dead-letter queue.

    A letter is deleted only once Lambda has accepted its event, so it may be sent twice and is never lost.
    """
    sqs = boto3.client("sqs", region_name=environment.region)
    functions = boto3.client("lambda", region_name=environment.region)
    results = []
    for stack, outputs in environment_outputs(environment).items():
        if not {"FunctionArn", "DeadLettersUrl"} <= outputs.keys():
            continue
        queue = outputs["DeadLettersUrl"]
        sent = unreadable = 0
        for letter in _letters(sqs, queue):
            event = event_of(letter["Body"])
            if event is None:
                unreadable += 1
                continue
            functions.invoke(
                FunctionName=outputs["FunctionArn"], InvocationType="Event", Payload=json.dumps(event).encode()
            )
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=letter["ReceiptHandle"])
            sent += 1
        results.append(Redriven(stack, sent, unreadable))
    return results


def event_of(body: str) -> dict[str, Any] | None:
    """Return the event that a dead letter holds, in the shape in which the function gets it; None when it has none."""
    try:
        letter = json.loads(body)
    except ValueError:
        return None
    if not isinstance(letter, dict):
        return None
    if isinstance(letter.get("requestPayload"), dict):
        event: dict[str, Any] = letter["requestPayload"]
        return event
    if letter.get("Type") == "Notification" and "Message" in letter:
        return {"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": letter}]}
    return None


def _letters(sqs: SQSClient, queue: str) -> Iterator[MessageTypeDef]:
    """Yield each letter that is in the queue now; one that comes back, because it fails again, is not for this run."""
    started = time.time()
    while True:
        messages = sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        old = [letter for letter in messages if int(letter["Attributes"]["SentTimestamp"]) / 1000 <= started]
        yield from old
        if not old or time.time() - started > HIDDEN_SECONDS:
            return
