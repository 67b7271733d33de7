"""The events that failed for good."""

import json
from typing import Any

from clouds import Cloud


def dead_letters(aws: Any, cloud: Cloud) -> list[dict[str, Any]]:
    """Take all dead letters of both functions, with the reasons that Lambda gives."""
    found = []
    for function in ("thumbnail", "annotate"):
        queue = cloud.outputs[function]["DeadLettersUrl"]
        while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                aws.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found
