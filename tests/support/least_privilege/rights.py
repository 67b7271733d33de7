"""Rights as rows of a table: those that calls need, and those that policies grant.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, order=True)
class Right:
    """An action that a service may perform on a resource; `condition` is the policy's condition as JSON."""

    service: str
    action: str
    resource: str
    condition: str = ""

    def __str__(self) -> str:
        """Return a row of the table."""
        return f"{self.service:<10} {self.action:<32} {self.resource} {self.condition}".rstrip()


@dataclass(frozen=True)
class Call:
    """A recorded call of an AWS API; `function` is empty if the caller is not a Lambda function."""

    function: str
    api: str
    operation: str
    parameters: Mapping[str, str]
    missing: bool
    """Whether the object did not exist."""

    @classmethod
    def read(cls, file: Path) -> list[Self]:
        """Read the calls in a file."""
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [cls(**json.loads(line)) for line in lines]


def _folder(parameters: Mapping[str, str]) -> str:
    """Return the ARN pattern of all objects in the same top-level folder, which policies grant together."""
    folder, slash, _ = parameters["Key"].partition("/")
    return f"{_bucket(parameters)}/{folder}{slash}*"


def _bucket(parameters: Mapping[str, str]) -> str:
    return f"arn:aws:s3:::{parameters['Bucket']}"


def _parameter(name: str) -> Callable[[Mapping[str, str]], str]:
    return lambda parameters: parameters[name]


NEEDS: Mapping[tuple[str, str], tuple[str, Callable[[Mapping[str, str]], str]]] = {
    ("lambda", "Invoke"): ("lambda:InvokeFunction", _parameter("FunctionName")),
    ("s3", "DeleteObject"): ("s3:DeleteObject", _folder),
    ("s3", "GetObject"): ("s3:GetObject", _folder),
    ("s3", "HeadObject"): ("s3:GetObject", _folder),
    ("s3", "ListObjectsV2"): ("s3:ListBucket", _bucket),
    ("s3", "PutObject"): ("s3:PutObject", _folder),
    ("secretsmanager", "GetSecretValue"): ("secretsmanager:GetSecretValue", _parameter("SecretId")),
    ("sns", "Publish"): ("sns:Publish", _parameter("TopicArn")),
}
"""The action that an operation needs, and the resource on which it must be allowed."""


def needed(service: str, calls: Iterable[Call]) -> set[Right]:
    """Return the rights that a service needs for its calls.

    Raises:
        KeyError: an operation is missing from NEEDS.
    """
    rights = set()
    for call in calls:
        action, resource = NEEDS[call.api, call.operation]
        rights.add(Right(service, action, resource(call.parameters)))
        if call.missing:
            # Without the right to list the bucket, S3 responds "access denied" instead of "not found".
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
            rights.add(Right(service, "s3:ListBucket", _bucket(call.parameters)))
    return rights


def granted(service: str, policy: Mapping[str, Any]) -> set[Right]:
    """Return the rights that a policy grants a service.

    Raises:
        ValueError: a statement is not a plain list of actions allowed on resources.
    """
    return {right for statement in _listed(policy["Statement"]) for right in _allowed(service, statement)}


def covers(policy: Mapping[str, Any], right: Right) -> bool:
    """Return whether the unconditional statements of a policy grant all of a right."""
    return any(
        _matches(allowed.action, right.action) and _matches(allowed.resource, right.resource)
        for allowed in granted(right.service, policy)
        if not allowed.condition
    )


def _matches(pattern: str, text: str) -> bool:
    """Return whether an IAM pattern matches a text, or everything that a narrower pattern matches."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def _allowed(service: str, statement: Mapping[str, Any]) -> Iterator[Right]:
    if statement["Effect"] != "Allow" or statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise ValueError(f"{service}: this table cannot show the statement {statement}")
    condition = json.dumps(statement["Condition"], sort_keys=True) if "Condition" in statement else ""
    for action in _listed(statement["Action"]):
        for resource in _listed(statement["Resource"]):
            yield Right(service, action, resource, condition)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def table(rights: Iterable[Right], reasons: Mapping[Right, str] | None = None) -> str:
    """Format rights as text, one row each, with a reason where one is given."""
    known = reasons or {}
    return "".join(f"\n{right}" + (f"  # {known[right]}" if right in known else "") for right in sorted(rights))
