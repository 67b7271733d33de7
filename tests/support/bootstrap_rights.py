"""The rights that the bootstrap stack's roles grant."""

import fnmatch
from collections.abc import Iterable

from deploy.environment import INFRASTRUCTURE
from deploy.template import Intrinsic, Template

RESOURCES = Template(INFRASTRUCTURE / "bootstrap.yaml").document["Resources"]


def allowed(role: str) -> set[str]:
    """Return the actions that a role allows on any resource."""
    properties = RESOURCES[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for reference in properties["ManagedPolicyArns"]:
        assert isinstance(reference, Intrinsic)
        documents.append(RESOURCES[reference.argument]["Properties"]["PolicyDocument"])
    return {
        action
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def missing(role: str, actions: Iterable[str]) -> set[str]:
    """Return the actions that a role allows on no resource; IAM ignores case."""
    patterns = [pattern.lower() for pattern in allowed(role)]
    return {
        action for action in actions if not any(fnmatch.fnmatchcase(action.lower(), pattern) for pattern in patterns)
    }
