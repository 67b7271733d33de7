"""The stacks that the deploy tool created in the emulator."""

from typing import Any

from support.clouds import Cloud
from support.emulated_environment import resources


def stack_names(aws: Any, cloud: Cloud) -> list[str]:
    """Return the names of the environment's stacks; a function's name begins with that of its stack."""
    prefix = cloud.outputs["thumbnail"]["FunctionName"].partition("-thumbnail-Function-")[0]
    pages = aws.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = [stack["StackName"] for page in pages for stack in page["Stacks"]]
    return [name for name in found if name.startswith(f"{prefix}-")]


def test_every_resource_of_every_stack_exists_and_has_a_name(cloud: Cloud, aws: Any) -> None:
    cloudformation = aws.client("cloudformation")
    found = [(stack, resource) for stack in stack_names(aws, cloud) for resource in resources(cloudformation, stack)]
    assert {stack.rpartition("-")[2] for stack, _ in found} >= {"images", "catalog", "thumbnail", "annotate"}
    nameless = [
        (stack, resource["LogicalResourceId"])
        for stack, resource in found
        if resource.get("PhysicalResourceId", "") in ("", "unknown")
        or resource["ResourceStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    ]
    assert nameless == []
