"""Asynchronous invocations, including those of SNS and EventBridge: one queue with retries and dead letters.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

import contextvars
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack.services import eventbridge, lambda_svc, sns

from ministack_extensions.invocations import Invocation, InvocationQueue, Later

logger = logging.getLogger("emulator")

DEFAULT_CONCURRENCY = 2  # of functions without reserved concurrency
DEFAULT_RETRIES = 2
DEFAULT_MAX_AGE_SECONDS = 6 * 3600
THROTTLED_SECONDS = 0.1
MISSING_FUNCTION_SECONDS = 1.0


def queue_invocations(folder: Path) -> None:
    """Put the queue between callers and functions; `folder` stores the waiting events."""
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

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        queue.put(arn, json.loads(payload))

    lambda_svc.invoke_async_with_retry = invoke_async
    sns._deliver_to_lambda = deliver_to_lambda
    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    queue.start()


@dataclass(frozen=True)
class Function:
    """A function in MiniStack, resolved from one of its ARNs: $LATEST, a version or an alias."""

    name: str
    whole: dict[str, Any]
    qualified: dict[str, Any]
    settings: dict[str, Any]
    """The EventInvokeConfig of the ARN."""


def _find(arn: str) -> Function | None:
    """Return the function with an ARN (arn:aws:lambda:region:account:function:name:qualifier), or None."""
    _, _, _, region, account, _, name, *more = arn.split(":")
    qualifier = more[0] if more else "$LATEST"
    whole = lambda_svc._functions.get_scoped(account, region, name)
    record, config = lambda_svc._effective_func_record_for_qualifier(whole, qualifier)
    if record is None or config is None:
        return None
    settings = whole.get("event_invoke_configs") or {}
    return Function(
        name,
        whole,
        lambda_svc._execution_record_for_config(record, {**config, "FunctionArn": arn}),
        settings.get(qualifier) or (settings.get("") if qualifier == "$LATEST" else None) or {},
    )


def _concurrency(arn: str) -> int:
    function = _find(arn)
    reserved = lambda_svc._reserved_concurrency(function.whole, function.whole["config"]) if function else None
    return DEFAULT_CONCURRENCY if reserved is None else int(reserved)


def _attempt_in_own_context(invocation: Invocation) -> Later | None:
    return contextvars.copy_context().run(_attempt, invocation)


def _attempt(invocation: Invocation) -> Later | None:
    """Run the function once; return None if the event is done with, else when to retry it."""
    age = time.time() - invocation.accepted_at
    function = _find(invocation.function)
    if function is None:  # not deployed again yet, after the emulator lost its state
        if age < DEFAULT_MAX_AGE_SECONDS:
            return Later(MISSING_FUNCTION_SECONDS, invocation.failures)
        logger.error("dropped an event for %s, which does not exist", invocation.function)
        return None
    settings, config = function.settings, function.qualified["config"]
    lambda_svc._invoke_depth.set(invocation.depth)
    try:
        result = lambda_svc._execute_function(function.qualified, invocation.event)
    except Exception as error:  # noqa: BLE001 - any error is a failed attempt
        result = {"error": True, "body": {"errorMessage": str(error), "errorType": type(error).__name__}}
    if not result.get("error"):
        return None
    name = function.name
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
    logger.error("retries of %s are exhausted; the event goes to %s", name, target or "no dead letter queue")
    if target:
        lambda_svc._run_with_function_config_scope(
            config, lambda_svc._route_async_failure, target, name, invocation.event, result
        )
    return None
