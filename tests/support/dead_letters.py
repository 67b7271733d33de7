"""The events that failed for good."""

import json
from typing import Any

from support.clouds import Cloud
from support.waiting import wait_until


def dead_letters(aws: Any, cloud: Cloud) -> list[dict[str, Any]]:
    """Take all dead letters of both functions from their queues; each includes Lambda's reason."""
    found = []
    for function in ("thumbnail", "annotate"):
        queue = cloud.outputs[function]["DeadLettersUrl"]
        while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


def wait_for_dead_letters(aws: Any, cloud: Cloud, text: str, count: int) -> list[dict[str, Any]]:
    """Wait for `count` dead letters that contain a text, and return them; all others are discarded.

    It takes minutes on AWS: Lambda retries an event after one minute and again after two more.
    """
    found: list[dict[str, Any]] = []

    def complete() -> bool:
        found.extend(letter for letter in dead_letters(aws, cloud) if text in json.dumps(letter))
        return len(found) >= count

    wait_until(complete, lambda: f"only {len(found)} of {count} dead letters arrived")
    return found
