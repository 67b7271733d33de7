"""AWS::CloudFormation::Stack: nested stacks keep what is retained, clean up behind a failure, and can be updated.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners, stacks

from ministack_extensions.resource_types import Attributes, Properties

TYPE = "AWS::CloudFormation::Stack"


def mend_nested_stacks() -> None:
    """Delete nested stacks as others are deleted, and let an update keep the attributes of what does not change."""
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
    """Delete a nested stack, heeding its policies; the caller is a thread of its own."""
    name = provisioners._nested_stack_lookup_name(arn)
    stack = cloudformation._stacks.get(name)
    if stack is None:
        return
    asyncio.run(stacks._delete_stack_async(name, stack["StackId"]))
    if stack["StackStatus"] == "DELETE_FAILED":
        raise ValueError(
            f"Embedded stack {stack['StackId']} was not successfully deleted: {stack['StackStatusReason']}"
        )
