"""Asynchronous invocations, also those of SNS: all go through one queue that waits, tries again and keeps dead letters.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import contextvars
import json
import logging
import time
from pathlib import Path
from typing import Any

from ministack.services import lambda_svc, sns

from emulator.invocations import Invocation, InvocationQueue, Later

logger = logging.getLogger("emulator")

DEFAULT_CONCURRENCY = 2  # of functions that reserve none
DEFAULT_RETRIES = 2
DEFAULT_MAX_AGE_SECONDS = 6 * 3600
THROTTLED_SECONDS = 0.1
MISSING_FUNCTION_SECONDS = 1.0


def queue_invocations(folder: Path) -> None:
    """Put the queue between callers and functions; `folder` keeps the events that wait."""
    queue = InvocationQueue(folder, _attempt_in_own_context, _concurrency)

    def invoke_async(function: dict[str, Any], event: Any) -> None:
        config = function.get("config") or function
        queue.put(config["FunctionArn"], event, lambda_svc._invoke_depth.get())

    def deliver_to_lambda(endpoint: str, envelope: str, topic_arn: str, subscription_arn: str, *_: object) -> None:
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription_arn,
            "EventSource": "aws:sns",
            "Sns": json.loads(envelope),
        }
        queue.put(endpoint, {"Records": [record]})

    lambda_svc.invoke_async_with_retry = invoke_async
    sns._deliver_to_lambda = deliver_to_lambda
    queue.start()


def _find(arn: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the record and the configuration of a function by its ARN (arn:aws:lambda:region:account:function:…)."""
    _, _, _, region, account, *_ = arn.split(":")
    record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(arn, account_id=account, region=region)
    return (record, config) if record and config else (None, None)


def _concurrency(arn: str) -> int:
    record, config = _find(arn)
    reserved = lambda_svc._reserved_concurrency(record, config) if record else None
    return DEFAULT_CONCURRENCY if reserved is None else int(reserved)


def _attempt_in_own_context(invocation: Invocation) -> Later | None:
    return contextvars.copy_context().run(_attempt, invocation)


def _attempt(invocation: Invocation) -> Later | None:
    """Run the function once, and decide what becomes of the event."""
    age = time.time() - invocation.accepted_at
    record, config = _find(invocation.function)
    if record is None or config is None:  # not deployed yet, after the emulator lost its state
        if age < DEFAULT_MAX_AGE_SECONDS:
            return Later(MISSING_FUNCTION_SECONDS, invocation.failures)
        logger.error("gave up an event for %s, which does not exist", invocation.function)
        return None
    settings = _invoke_settings(invocation.function, record)
    lambda_svc._invoke_depth.set(invocation.depth)
    try:
        result = lambda_svc._execute_function(lambda_svc._execution_record_for_config(record, config), invocation.event)
    except Exception as error:  # noqa: BLE001 - a failed attempt, whatever the reason
        result = {"error": True, "body": {"errorMessage": str(error), "errorType": type(error).__name__}}
    if not result.get("error"):
        return None
    name = config["FunctionName"]
    max_age = int(settings.get("MaximumEventAgeInSeconds") or DEFAULT_MAX_AGE_SECONDS)
    if result.get("throttle") and age + THROTTLED_SECONDS <= max_age:
        return Later(THROTTLED_SECONDS, invocation.failures)
    logger.warning("%s failed: %s\n%s", name, json.dumps(result.get("body")), result.get("log", ""))
    failures = invocation.failures + 1
    retries = settings.get("MaximumRetryAttempts")
    delay = min(
        lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * 2 ** (failures - 1), lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS
    )
    if failures <= (DEFAULT_RETRIES if retries is None else int(retries)) and age + delay <= max_age:
        return Later(delay, failures)
    target = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination") or (
        config.get("DeadLetterConfig") or {}
    ).get("TargetArn")
    logger.error("%s failed for good; the event goes to %s", name, target or "nobody")
    if target:
        lambda_svc._run_with_function_config_scope(
            config, lambda_svc._route_async_failure, target, name, invocation.event, result
        )
    return None


def _invoke_settings(arn: str, record: dict[str, Any]) -> dict[str, Any]:
    """Return the EventInvokeConfig that holds for an ARN: without a qualifier, $LATEST's."""
    parts = arn.split(":")
    qualifier = parts[7] if len(parts) > 7 else "$LATEST"
    settings = record.get("event_invoke_configs") or {}
    return settings.get(qualifier) or (settings.get("") if qualifier == "$LATEST" else None) or {}
