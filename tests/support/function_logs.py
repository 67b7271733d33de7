"""The log groups of the functions."""

import json
from typing import Any

from support.clouds import Cloud
from support.waiting import wait_until


def log_texts(aws: Any, cloud: Cloud, function: str, since: float = 0) -> list[str]:
    """Return the lines in the log group of thumbnail or annotate since a time (Unix time in seconds), oldest first."""
    name = cloud.outputs[function]["FunctionName"]
    group = aws.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events")
    return [
        event["message"]
        for page in pages.paginate(logGroupName=group, startTime=round(since * 1000))
        for event in page["events"]
    ]


def log_lines(aws: Any, cloud: Cloud, function: str, since: float = 0) -> list[dict[str, Any]]:
    """Return the lines of the function itself, without those of Lambda."""
    lines = (json.loads(text) for text in log_texts(aws, cloud, function, since) if text.startswith("{"))
    return [line for line in lines if "message" in line]


def wait_for_messages(aws: Any, cloud: Cloud, function: str, image_id: str) -> list[str]:
    """Wait for messages of a function about a photo, which may come after its result, and return them."""

    def messages() -> list[str]:
        lines = log_lines(aws, cloud, function)
        return [line["message"] for line in lines if line.get("image_id") == image_id]

    return wait_until(messages, f"{function} has not logged anything about {image_id}")
