"""Checks every policy of the templates with parliament: unknown actions, wrong resources, unjustified wildcards.

Accepted findings are in tools/checks/justified.yaml, each with a reason; one that no longer occurs fails.

parliament compares each ARN with the kind of resource that an action works on, so intrinsics are resolved first, along
the wiring of stacks.yaml: `!Ref TopicArn` in one template becomes the ARN of the topic in another.
https://github.com/duo-labs/parliament
"""

import fnmatch
import json
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.errors import TemplateError
from deploy.template import Intrinsic, Template

with warnings.catch_warnings(action="ignore"):  # it still uses pkg_resources
    import parliament

PSEUDO_PARAMETERS = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "gallery-check",
}
REGIONAL = "us-east-1:111122223333"
ARNS = {
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGIONAL}:alarm:{{}}",
    "AWS::EC2::VPC": f"arn:aws:ec2:{REGIONAL}:vpc/{{}}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::111122223333:policy/{}",
    "AWS::IAM::OIDCProvider": "arn:aws:iam::111122223333:oidc-provider/{}",
    "AWS::IAM::Role": "arn:aws:iam::111122223333:role/{}",
    "AWS::KMS::Key": f"arn:aws:kms:{REGIONAL}:key/{{}}",
    "AWS::Lambda::Alias": f"arn:aws:lambda:{REGIONAL}:function:{{}}:live",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGIONAL}:function:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGIONAL}:log-group:{{}}:*",
    "AWS::RDS::DBInstance": f"arn:aws:rds:{REGIONAL}:db:{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGIONAL}:{{}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGIONAL}:{{}}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGIONAL}:secret:{{}}-AbCdEf",
}
REF_IS_ARN = (
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::OIDCProvider",
    "AWS::Lambda::Alias",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
)
SECRET = ARNS["AWS::SecretsManager::Secret"]
SET_BY_ENVIRONMENTS = {"GeminiSecretArn": SECRET.format("gemini"), "LoginClientSecretArn": SECRET.format("login")}
"""ARNs that environments set: no stack creates them."""

ESCALATION = "RESOURCE_POLICY_PRIVILEGE_ESCALATION"
"""The only finding about a whole policy: permission to change a bucket through its policy."""


class UnknownValueError(Exception):
    """A policy has a value that cannot be resolved; the message names it and what to do."""


class Composition:
    """All templates, and their wiring in stacks.yaml."""

    def __init__(self, folder: Path) -> None:
        """Read the templates of a folder."""
        paths = [*sorted((folder / "templates").glob("*.yaml")), *folder.glob("bootstrap.yaml")]
        self.templates: dict[str, Mapping[str, Any]] = {path.stem: Template(path).document for path in paths}
        self.wiring = yaml.safe_load((folder / "stacks.yaml").read_text(encoding="utf-8"))

    def findings(self) -> Iterator[str]:
        """Check every policy, with all conditions true and with all of them false."""
        for name, template in self.templates.items():
            for resource, definition in template["Resources"].items():
                for document in _policy_documents(definition.get("Properties", {})):
                    for conditions in (True, False):
                        resolved = Resolver(self, name, conditions).resolve(document)
                        for action, issue in _issues(resolved):
                            yield f"{name}: {resource}: {action}: {issue}"


class Resolver:
    """Replaces the intrinsic functions of one template by possible values."""

    def __init__(self, composition: Composition, template: str, conditions: bool) -> None:
        """Choose the template, and the value of all its conditions."""
        self._composition = composition
        self._name = template
        self._template = composition.templates[template]
        self._conditions = conditions

    def resolve(self, value: Any) -> Any:
        """Return a value without intrinsic functions; None stands for AWS::NoValue.

        Raises:
            UnknownValueError: a part of it is unknown.
        """
        match value:
            case Intrinsic("Ref", name):
                return self._reference(name)
            case Intrinsic("GetAtt", attribute):
                return self._attribute(attribute)
            case Intrinsic("Sub", [text, variables]):
                return self._substitute(text, variables)
            case Intrinsic("Sub", text):
                return self._substitute(text, {})
            case Intrinsic("If", [_, yes, no]):
                return self.resolve(yes if self._conditions else no)
            case Intrinsic("Join", [separator, parts]):
                return separator.join(self.resolve(parts))
            case Intrinsic(tag, _):
                raise UnknownValueError(f"{self._name}: this check does not support !{tag} in a policy")
            case list():
                return [item for item in map(self.resolve, value) if item is not None]
            case dict():
                resolved = {key: self.resolve(item) for key, item in value.items()}
                return {key: item for key, item in resolved.items() if item is not None}
        return value

    def _substitute(self, text: str, variables: dict[str, Any]) -> str:
        before, opening, rest = text.partition("${")
        if not opening:
            return text
        name, _, after = rest.partition("}")
        value: str | None
        if name.startswith("!"):  # ${!Literal} is a literal
            value = f"${{{name[1:]}}}"
        elif name in variables:
            value = self.resolve(variables[name])
        elif "." in name:
            value = self._attribute(name)
        else:
            value = self._reference(name)
        return before + str(value) + self._substitute(after, variables)

    def _reference(self, name: str) -> str | None:
        if name == "AWS::NoValue":
            return None
        if name in PSEUDO_PARAMETERS:
            return PSEUDO_PARAMETERS[name]
        if name in self._template.get("Parameters", {}):
            return self._parameter(name)
        kind = self._template["Resources"][name]["Type"]
        return ARNS[kind].format(name.lower()) if kind in REF_IS_ARN else name.lower()

    def _parameter(self, name: str) -> str:
        source = self._composition.wiring.get(self._name, {}).get("parameters", {}).get(name)
        if source:
            template, output = source.split(".")
            outputs = self._composition.templates.get(template, {}).get("Outputs", {})
            if output not in outputs:
                raise UnknownValueError(f"{self._name}: {name} is wired to {source}, which does not exist")
            return str(Resolver(self._composition, template, self._conditions).resolve(outputs[output]["Value"]))
        if name in SET_BY_ENVIRONMENTS:
            return SET_BY_ENVIRONMENTS[name]
        if name.endswith("Arn"):
            raise UnknownValueError(f"{self._name}: {name} is not wired; add it to SET_BY_ENVIRONMENTS")
        return str(self._template["Parameters"][name].get("Default") or name.lower())

    def _attribute(self, name: str) -> str:
        resource, attribute = name.split(".", 1)
        kind = self._template["Resources"][resource]["Type"]
        if attribute.endswith("SecretArn"):
            return SECRET.format(resource.lower())
        if attribute.endswith("Arn"):
            if kind not in ARNS:
                raise UnknownValueError(f"{self._name}: this check does not know the ARN of a {kind}; add it to ARNS")
            return ARNS[kind].format(resource.lower())
        return resource.lower()


def _policy_documents(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every policy below a value, except trust policies: parliament needs a resource, and they have none."""
    if isinstance(value, list):
        for item in value:
            yield from _policy_documents(item)
    elif isinstance(value, dict):
        if "Statement" in value:
            yield value
        for key, item in value.items():
            if key != "AssumeRolePolicyDocument":
                yield from _policy_documents(item)


def _issues(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (action, issue). Each action is checked alone, because an unknown action hides other findings."""
    for statement in _listed(document["Statement"]):
        allows = statement["Effect"] == "Allow"
        if allows and "NotAction" in statement:
            yield "NotAction", "ACTION_WILDCARD"
        for action in _listed(statement.get("Action", [])):
            if allows and "*" in action:
                yield action, "ACTION_WILDCARD"
            if allows and any(map(_is_wildcard, _listed(statement.get("Resource", [])))):
                yield action, "RESOURCE_WILDCARD"
            alone = {**document, "Statement": [{**statement, "Action": action}]}
            yield from ((action, issue) for issue in _analyzed(alone) if issue != ESCALATION)
    yield from (("*", issue) for issue in _analyzed(document) if issue == ESCALATION)


def _is_wildcard(arn: str) -> bool:
    """Tell whether an ARN matches all resources of its type."""
    if arn.count(":") < 5:
        return False  # `*` or not an ARN: parliament checks these
    _, _, service, _, _, resource = arn.split(":", 5)
    name = resource if service == "s3" else re.sub(r"^[a-z-]+[/:]", "", resource)
    return name.startswith("*")


def _analyzed(document: dict[str, Any]) -> list[str]:
    return [finding.issue for finding in parliament.analyze_policy_string(json.dumps(document)).findings]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def main() -> str | None:
    """Return unjustified findings and obsolete justifications, or None without either.

    The argument of the command is the folder of stacks.yaml, templates/ and tools/; the default is infrastructure/.
    """
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    justified = yaml.safe_load((folder / "tools" / "checks" / "justified.yaml").read_text(encoding="utf-8"))
    try:
        found = set(Composition(folder).findings())
    except (TemplateError, UnknownValueError) as error:
        return f"policies: {error}"
    lines = [
        *sorted(line for line in found if not any(fnmatch.fnmatchcase(line, pattern) for pattern in justified)),
        *(f"{pattern} is justified but does not occur" for pattern in justified if not fnmatch.filter(found, pattern)),
    ]
    return "\n".join(lines) or None
