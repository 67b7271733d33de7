"""Functions: properties that MiniStack's CloudFormation drops, and concurrency that all versions share."""

from __future__ import annotations

from ministack.services import ec2, lambda_svc

from emulator.resource_types import Attributes, Properties, complete_type


def keep_function_properties() -> None:
    """Keep DeadLetterConfig, ReservedConcurrentExecutions and VpcConfig of functions that stacks create and update."""
    complete_type("AWS::Lambda::Function", _keep)


def share_reserved_concurrency() -> None:
    """Let the versions and aliases of a function share what the function reserves: MiniStack limits only $LATEST."""
    reserved = lambda_svc._reserved_concurrency

    def reserved_by_function(record: Properties, config: Properties) -> int | None:
        _, _, _, region, account, _, name, *_ = config["FunctionArn"].split(":")
        limit: int | None = reserved(lambda_svc._functions.get_scoped(account, region, name) or record, config)
        return limit

    lambda_svc._reserved_concurrency = reserved_by_function


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
