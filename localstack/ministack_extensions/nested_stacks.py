"""AWS::CloudFormation::Stack: nested stacks keep retained resources, clean up after a failure, and can be updated.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

import asyncio
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from ministack_extensions.resource_types import Attributes, Properties

TYPE = "AWS::CloudFormation::Stack"


def complete_nested_stacks() -> None:
    """Delete nested stacks like other stacks, and keep the attributes of unchanged resources in an update."""
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    create, update_resource = handlers["create"], provisioners._update_resource

    def create_or_roll_back(logical_id: str, properties: Properties, parent: str) -> tuple[str, Attributes]:
        try:
            created: tuple[str, Attributes] = create(logical_id, properties, parent)
        except Exception:
            for stack in list(cloudformation._stacks.values()):
                if stack.get("_parent_stack_name") == parent and stack["StackStatus"] == "CREATE_FAILED":
                    _delete(stack["StackId"], {})
            raise
        return created

    def update_keeping_attributes(
        name: str, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str, *attributes: Any
    ) -> Any:
        if not attributes:
            attributes = (cloudformation._stacks[stack]["_resources"][logical_id]["Attributes"],)
        return update_resource(name, physical_id, old, new, stack, logical_id, *attributes)

    provisioners._update_resource = update_keeping_attributes
    handlers["create"], handlers["delete"] = create_or_roll_back, _delete


def _delete(arn: str, properties: Properties) -> None:
    """Delete a nested stack and respect its policies; the caller runs in its own thread."""
    name = provisioners._nested_stack_lookup_name(arn)
    stack = cloudformation._stacks.get(name)
    if stack is None:
        return
    asyncio.run(stacks._delete_stack_async(name, stack["StackId"]))
    if stack["StackStatus"] == "DELETE_FAILED":
        raise ValueError(
            f"Embedded stack {stack['StackId']} was not successfully deleted: {stack['StackStatusReason']}"
        )
