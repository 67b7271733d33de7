"""Functions: properties that MiniStack's CloudFormation drops, shared concurrency, and updates of busy functions."""

import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import ec2, lambda_svc

from ministack_extensions.resource_types import Attributes, Properties, complete_type


def keep_function_properties() -> None:
    """Keep DeadLetterConfig, ReservedConcurrentExecutions and VpcConfig of functions that stacks create and update."""
    complete_type("AWS::Lambda::Function", _keep)


def share_reserved_concurrency() -> None:
    """Let versions and aliases share the reserved concurrency of their function; MiniStack limits only $LATEST."""
    reserved = lambda_svc._reserved_concurrency

    def reserved_by_function(record: Properties, config: Properties) -> int | None:
        _, _, _, region, account, _, name, *_ = config["FunctionArn"].split(":")
        limit: int | None = reserved(lambda_svc._functions.get_scoped(account, region, name) or record, config)
        return limit

    lambda_svc._reserved_concurrency = reserved_by_function


def let_invocations_finish() -> None:
    """Let running invocations finish when their function changes; MiniStack kills their workers at once.

    A worker removed from the pool is stopped after its current invocation.
    """
    invalidate = lambda_svc.invalidate_worker

    def invalidate_idle(function: str, qualifier: str | None = None, **scope: str) -> None:
        busy = _take_busy(function, qualifier)
        invalidate(function, qualifier, **scope)
        for worker in busy:
            threading.Thread(target=_stop_when_idle, args=[worker], daemon=True).start()

    lambda_svc.invalidate_worker = invalidate_idle


def _take_busy(function: str, qualifier: str | None) -> list[Any]:
    """Remove the busy workers of a function from its pools, whose keys end in `:function:qualifier`."""
    busy = []
    with lambda_runtime._lock:
        for key, workers in lambda_runtime._workers.items():
            *_, name, version = key.split(":")
            if name == function and qualifier in (None, version):
                busy += [worker for worker in workers if worker._lock.locked()]
                workers[:] = [worker for worker in workers if worker not in busy]
    return busy


def _stop_when_idle(worker: Any) -> None:
    with worker._lock:
        worker.kill()


def _keep(name: str, properties: Properties) -> Attributes:
    function = lambda_svc._functions[name]
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    for option, value in (
        ("DeadLetterConfig", properties.get("DeadLetterConfig")),
        ("VpcConfig", _vpc_config(properties.get("VpcConfig", {}))),
    ):
        if value:
            function["config"][option] = value
        else:
            function["config"].pop(option, None)
    return {}


def _vpc_config(properties: Properties) -> Properties | None:
    subnets = properties.get("SubnetIds", [])
    if not subnets:
        return None
    return {
        "SubnetIds": subnets,
        "SecurityGroupIds": properties.get("SecurityGroupIds", []),
        "VpcId": ec2._subnets.get(subnets[0], {}).get("VpcId", ""),
        "Ipv6AllowedForDualStack": False,
    }
