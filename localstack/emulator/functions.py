"""AWS::Lambda::Function: properties that MiniStack drops."""

from __future__ import annotations

from ministack.services import ec2, lambda_svc

from emulator.resource_types import Attributes, Properties, complete_type


def keep_function_properties() -> None:
    """Keep DeadLetterConfig, ReservedConcurrentExecutions and VpcConfig of functions that stacks create and update."""
    complete_type("AWS::Lambda::Function", _keep)


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
