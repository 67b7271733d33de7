"""Adds resource types of CloudFormation to MiniStack, or extends them: a table of handlers and some settings."""

from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import provisioners

Properties = dict[str, Any]
Attributes = dict[str, Any]

Create = Callable[[Properties], tuple[str, Attributes]]
"""Creates a resource; returns its physical id and the attributes for Fn::GetAtt."""
Change = Callable[[str, Properties, Properties], Attributes]
"""Changes a resource in place; the arguments are its physical id, old and new properties."""
Delete = Callable[[str, Properties], None]


def add_type(name: str, create: Create, change: Change, delete: Delete, *, tagged: bool = False) -> None:
    """Add a type that MiniStack lacks. replacement.json lists the properties that replace a resource."""
    provisioners._RESOURCE_HANDLERS[name] = {
        "create": lambda logical_id, properties, stack: create(properties),
        "update": lambda physical_id, old, new, stack: (physical_id, change(physical_id, old, new)),
        "delete": delete,
    }
    if tagged:
        provisioners._STACK_TAG_PROPERTY[name] = ("Tags", "list")


def complete_type(name: str, complete: Callable[[str, Properties], Attributes]) -> None:
    """Call `complete` after MiniStack has created or updated a resource.

    Args:
        name: the resource type.
        complete: gets the physical id and the properties, and returns more attributes. If it raises, the new resource
            is deleted again.
    """
    handlers = provisioners._RESOURCE_HANDLERS[name]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def create_completely(logical_id: str, properties: Properties, *more: Any) -> tuple[str, Attributes]:
        physical_id, attributes = create(logical_id, properties, *more)
        try:
            return physical_id, {**attributes, **complete(physical_id, properties)}
        except Exception:
            delete(physical_id, properties)
            raise

    def update_completely(physical_id: str, old: Properties, new: Properties, *more: Any) -> tuple[str, Attributes]:
        physical_id, attributes = update(physical_id, old, new, *more)
        return physical_id, {**attributes, **complete(physical_id, new)}

    handlers["create"], handlers["update"] = create_completely, update_completely
