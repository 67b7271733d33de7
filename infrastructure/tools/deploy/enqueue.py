"""Asks the function of an environment that owns the queue of photos to count or to queue photos.

The function is `catalog_functions.sweep`; its module lists the tasks.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config

from deploy.environment import Environment
from deploy.errors import QueueError
from deploy.outputs import environment_outputs

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

Task = Literal["annotate", "retry"]

STACK, OUTPUT, ALIAS = "catalog", "SweepFunctionName", "live"
ATTEMPTS = 6
PAUSE_SECONDS = 5.0
"""The announcer and the sweep share the function's concurrency, so it may be busy for a moment."""
READ_SECONDS = 310
"""Longer than the function's timeout; and no retries, because the first call may still be at work."""


@dataclass(frozen=True)
class Request:
    """What to do with which photos; see `catalog.selection` for `where`."""

    task: Task
    where: str
    overwrite: bool = False
    """Whether another annotation replaces a person's texts."""


@dataclass(frozen=True)
class Queued:
    """The number of photos, and about what their annotations cost in US dollars; None if nothing is estimated."""

    images: int
    usd: Decimal | None
    applied: bool


class AnnotationQueue:
    """The queue of an environment."""

    def __init__(self, session: boto3.Session, environment: Environment) -> None:
        """Find the function.

        Raises:
            QueueError: the environment has none yet.
        """
        outputs = environment_outputs(session, environment).get(STACK, {})
        if OUTPUT not in outputs:
            raise QueueError(
                f"{environment.name} has no queue of photos: {environment.stack_name(STACK)} is not deployed"
            )
        self._function = f"{outputs[OUTPUT]}:{ALIAS}"
        self._client: LambdaClient = session.client(
            "lambda",
            region_name=environment.region,
            config=Config(read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}),
        )

    def count(self, request: Request) -> Queued:
        """Return how many photos `enqueue` would queue.

        Raises:
            QueueError: the selection is not valid, or the function is busy or failed.
        """
        return self._run(request, apply=False)

    def enqueue(self, request: Request) -> Queued:
        """Queue the photos; resumable, because photos that already wait are left out.

        Raises:
            QueueError: the selection is not valid, or the function is busy or failed.
        """
        return self._run(request, apply=True)

    def _run(self, request: Request, *, apply: bool) -> Queued:
        event = {"task": request.task, "where": request.where, "apply": apply, "overwrite": request.overwrite}
        answer = self._invoke(event)
        if "error" in answer:
            raise QueueError(f"WHERE: {answer['error']}")
        if "images" not in answer:
            raise QueueError("the deployed catalog is too old for this command: publish and apply a newer version")
        usd = answer.get("usd")
        return Queued(answer["images"], Decimal(usd) if usd is not None else None, apply)

    def _invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._client.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
                break
            except self._client.exceptions.TooManyRequestsException as error:
                if attempt == ATTEMPTS:
                    raise QueueError(f"{self._function} is busy; run the same command again") from error
                time.sleep(PAUSE_SECONDS)
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise QueueError(f"{self._function} failed: {_reason(payload)}; run the same command again")
        return payload if isinstance(payload, dict) else {}


def _reason(payload: Any) -> str:
    """Return the error in the answer of a function. https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    if not isinstance(payload, dict):
        return str(payload)
    return ": ".join(str(payload[key]) for key in ("errorType", "errorMessage") if payload.get(key))
