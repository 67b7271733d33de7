"""Sends dead letters to their functions again.

A dead letter is either a record that Lambda writes when retries are exhausted (the event is its `requestPayload`), or
an SNS message that could not be delivered to the function.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from deploy.environment import Environment
from deploy.outputs import environment_outputs

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

BATCH = 10  # the maximum of SQS
HIDDEN_SECONDS = 60
"""How long a received letter is hidden from other consumers; it reappears if sending it fails."""


@dataclass(frozen=True)
class Redriven:
    """The result for the dead letters of one function."""

    stack: str
    sent: int
    unreadable: int
    """Letters without an event; they stay in the queue."""


def redrive(session: boto3.Session, environment: Environment) -> list[Redriven]:
    """Invoke each function asynchronously with every event of its dead-letter queue.

    A letter is deleted after Lambda has accepted its event, so it may be sent twice but is never lost.
    """
    sqs = session.client("sqs", region_name=environment.region)
    functions = session.client("lambda", region_name=environment.region)
    results = []
    for stack, outputs in environment_outputs(session, environment).items():
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
    """Return the event in a dead letter, as the function receives it; None if it contains no event."""
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
    """Yield each letter that is in the queue now. One that returns because it fails again is not sent twice."""
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
