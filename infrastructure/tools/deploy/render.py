"""Renders an environment as one root template with nested stacks, for taskcat and the AWS console.

Each stack of stacks.yaml becomes a nested stack, and each wired parameter an output of another nested stack. The
parameters that the environment sets become parameters of the root, with the environment's value as default.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.environment import FROM_PACKAGE, RELEASE, Environment, Output, Stack
from deploy.plan import package_keys

ROOT = "root.yaml"


def render(environment: Environment, folder: Path) -> Path:
    """Write `root.yaml` and the nested templates to a folder; return the path of the root.

    Upload the folder under `TemplatePrefix` to the bucket `TemplateBucket`; both are parameters of the root.

    Raises:
        PackageError: a service cannot be packaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stack in environment.stacks:
        (folder / stack.template.path.name).write_text(stack.template.body, encoding="utf-8")
    root = folder / ROOT
    text = yaml.safe_dump(_root(environment), sort_keys=False, width=120, allow_unicode=True)
    root.write_text(f"# Rendered from stacks.yaml and environments/{environment.path.name}: edit those.\n{text}")
    return root


def _root(environment: Environment) -> dict[str, Any]:
    artifacts = package_keys(environment)
    parameters: dict[str, dict[str, Any]] = {
        "TemplateBucket": {"Type": "String", "Description": "Bucket that holds the nested templates"},
        "TemplateBucketRegion": {"Type": "String", "Description": "Region of that bucket"},
        "TemplatePrefix": {
            "Type": "String",
            "Description": "Prefix of their keys, with a trailing slash",
            "Default": "",
        },
        RELEASE: {
            "Type": "String",
            "Description": "Any value that changes with the other parameters, so that functions publish a new version",
            "Default": _release(environment, artifacts),
        },
    }
    nested = {stack.name for stack in environment.stacks}
    resources = {}
    for stack in environment.stacks:
        values: dict[str, Any] = {}
        given = dict(stack.parameters)
        if stack.service:
            given[FROM_PACKAGE] = artifacts[stack.service]
        for name, described in stack.template.parameters.items():
            output = stack.wired.get(name)
            if output and output.stack in nested:
                values[name] = {"Fn::GetAtt": [_logical_id(output.stack), f"Outputs.{output.name}"]}
            elif name == RELEASE:
                values[name] = {"Ref": RELEASE}
            elif output or name in given:
                parameter = _logical_id(output.stack, output.name) if output else _logical_id(stack.name, name)
                values[name] = {"Ref": parameter}
                parameters.setdefault(parameter, _described(described, given.get(name)))
        resources[_logical_id(stack.name)] = _nested(stack, values)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"A complete environment of the gallery, like {environment.name}",
        "Parameters": parameters,
        "Resources": resources,
        "Outputs": _outputs(environment),
    }


def _nested(stack: Stack, values: Mapping[str, Any]) -> dict[str, Any]:
    folder = "https://${TemplateBucket}.s3.${TemplateBucketRegion}.${AWS::URLSuffix}/${TemplatePrefix}"
    return {
        "Type": "AWS::CloudFormation::Stack",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {"TemplateURL": {"Fn::Sub": folder + stack.template.path.name}, "Parameters": dict(values)},
    }


def _outputs(environment: Environment) -> dict[str, Any]:
    """Return the outputs that no other stack takes: they are for people."""
    taken = {output for stack in environment.stacks for output in stack.wired.values()}
    return {
        _logical_id(stack.name, name): {
            "Description": described.get("Description", ""),
            "Value": {"Fn::GetAtt": [_logical_id(stack.name), f"Outputs.{name}"]},
        }
        for stack in environment.stacks
        for name, described in stack.template.outputs.items()
        if Output(stack.name, name) not in taken
    }


def _logical_id(stack: str, name: str = "") -> str:
    return stack.capitalize() + name


def _described(described: Mapping[str, Any], default: str | None) -> dict[str, Any]:
    """Return the description of a parameter, with another default unless that is None."""
    if default is None:
        return dict(described)
    return {**described, "Default": int(default) if described["Type"] == "Number" else default}


def _release(environment: Environment, artifacts: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(artifacts.items())).encode())
    for stack in environment.stacks:
        digest.update(stack.template.body.encode())
    return digest.hexdigest()[:12]
