"""The desired state of an environment: reads and validates `environments/<name>.yaml` and `stacks.yaml`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Literal, cast, get_args

from deploy.errors import EnvironmentFileError
from deploy.section import Section
from deploy.template import Template
from release.version import Version

INFRASTRUCTURE = Path(__file__).parents[2]

Platform = Literal["host", "container", "aws"]

FROM_PACKAGE = "ArtifactKey"
"""The template parameter that receives the artifact key of a service's package."""

ARTIFACT_BUCKET = "ArtifactBucket"
"""The template parameter that receives the bucket of a service's package."""

RELEASE = "Release"
"""The template parameter that receives a digest of the template and the other parameters."""


@dataclass(frozen=True)
class Output:
    """An output of another stack, as in `images.BucketName`."""

    stack: str
    name: str

    def __str__(self) -> str:
        """Return the form used in stacks.yaml."""
        return f"{self.stack}.{self.name}"


@dataclass(frozen=True)
class Stack:
    """A stack in the desired state: its template, its service, and the sources of its parameters."""

    name: str
    template: Template
    service: str | None
    wired: Mapping[str, Output]
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    """The desired state of an environment; `stacks` are in deployment order.

    `provided` are outputs that replace stacks which are not deployed here; `existing` are the CloudFormation names of
    stacks that this tool does not manage, by their name in stacks.yaml; `execution_role` is the output with the ARN of
    the role that CloudFormation assumes, None for the caller's permissions; `versions` pins the published version of
    each service, None for packages of the working tree; `overrides` are reasons to replace or delete protected
    resources, by `stack.Resource`.
    """

    name: str
    path: Path
    region: str
    stack_prefix: str
    platform: Platform
    provided: Mapping[str, Mapping[str, str]]
    existing: Mapping[str, str]
    execution_role: Output | None
    versions: Mapping[str, str] | None
    overrides: Mapping[str, str]
    stacks: tuple[Stack, ...]

    def stack_name(self, stack: str) -> str:
        """Return the CloudFormation name of a stack of stacks.yaml."""
        return f"{self.stack_prefix}-{stack}"


def load_environment(name: str, variables: Mapping[str, str], folder: Path = INFRASTRUCTURE) -> Environment:
    """Read an environment; `${NAME}` in its file is replaced by `variables[NAME]`.

    Raises:
        EnvironmentFileError: a file is missing or invalid.
        TemplateError: a template cannot be read.
    """
    path = folder / "environments" / f"{name}.yaml"
    if not re.fullmatch(r"[\w-]+", name) or not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise EnvironmentFileError(f"unknown environment {name!r}; available: {known}")
    document = Section.read(path, variables)
    provided = {stack: outputs.texts() for stack, outputs in document.section("provided").sections().items()}
    existing = document.section("existing").texts()
    stacks = _stacks(folder, document.section("parameters"), provided, existing)
    role = (
        _output(document, "execution_role", document.text("execution_role")) if "execution_role" in document else None
    )
    environment = Environment(
        name=name,
        path=path,
        region=document.text("region"),
        stack_prefix=document.text("stack_prefix"),
        platform=_platform(document),
        provided=provided,
        existing=existing,
        execution_role=role,
        versions=_versions(document.section("versions"), stacks) if "versions" in document else None,
        overrides=_overrides(document.section("overrides"), stacks),
        stacks=stacks,
    )
    document.refuse_other_keys()
    return environment


def _stacks(
    folder: Path, parameters: Section, provided: Mapping[str, Mapping[str, str]], existing: Mapping[str, str]
) -> tuple[Stack, ...]:
    document = Section.read(folder / "stacks.yaml")
    stacks = {
        name: _stack(folder, name, section, parameters)
        for name, section in document.sections().items()
        if name not in provided
    }
    parameters.refuse_other_keys()
    elsewhere = provided.keys() | existing.keys()
    for stack in stacks.values():
        for parameter, output in stack.wired.items():
            place = f"{stack.name}.parameters.{parameter} takes {output}"
            if output.stack not in stacks.keys() | elsewhere:
                raise document.error(f"{place}, but stack {output.stack!r} is neither deployed, provided nor existing")
            if output.stack in stacks and output.name not in stacks[output.stack].template.outputs:
                raise document.error(f"{place}, which is not an output of {stacks[output.stack].template.path.name}")
            if output.stack in provided and output.name not in provided[output.stack]:
                raise EnvironmentFileError(
                    f"{parameters.path}: provided.{output.stack} lacks {output.name}; {document.path}: {place}"
                )
    before = {name: {output.stack for output in stack.wired.values()} - elsewhere for name, stack in stacks.items()}
    try:
        return tuple(stacks[name] for name in TopologicalSorter(before).static_order())
    except CycleError as error:
        raise document.error(f"stacks depend on each other: {' -> '.join(error.args[1])}") from error


def _stack(folder: Path, name: str, section: Section, parameters: Section) -> Stack:
    """Read a stack of stacks.yaml, and the parameters that the environment sets."""
    sources = section.section("parameters").texts()
    wired = {key: _output(section, f"parameters.{key}", source) for key, source in sources.items()}
    set_here = parameters.section(name).texts()
    template = Template(folder / "templates" / section.text("template"))
    service = section.text("service") if "service" in section else None
    section.refuse_other_keys()
    filled = {FROM_PACKAGE, RELEASE}
    if both := sorted(wired.keys() & set_here.keys()):
        raise parameters.error(f"{name}.{both[0]} is already wired in {section.path.name}; remove one")
    if unknown := sorted(set_here.keys() - (template.parameters.keys() - filled)):
        raise parameters.error(f"{name}.{unknown[0]} is not a settable parameter of {template.path.name}")
    if unknown := sorted(wired.keys() - template.parameters.keys()):
        raise section.error(f"parameters.{unknown[0]} is not a parameter of {template.path.name}")
    if missing := sorted(template.required - wired.keys() - set_here.keys() - filled):
        raise parameters.error(f"{name}.{missing[0]} is missing: {template.path.name} has no default for it")
    if service and ARTIFACT_BUCKET not in wired.keys() | set_here.keys():
        raise section.error(f"parameters.{ARTIFACT_BUCKET} is missing: the stack has a service")
    return Stack(name, template, service, wired, set_here)


def _platform(document: Section) -> Platform:
    found, known = document.text("platform"), get_args(Platform)
    if found not in known:
        raise document.error(f"platform must be one of {', '.join(known)}, not {found!r}")
    return cast(Platform, found)


def _versions(section: Section, stacks: tuple[Stack, ...]) -> dict[str, str]:
    """Read the pins: of all services or of none, because releases are not mixed with a working tree."""
    services = [stack.service for stack in stacks if stack.service]
    pins = section.values()
    for service, version in pins.items():
        if service not in services:
            raise section.error(f"{service} is not a service of a stack here; available: {', '.join(services)}")
        if not isinstance(version, str) or not Version.find(version):
            raise section.error(f"{service} must be a version like 1.4.0, not {version!r}")
    if missing := [service for service in services if service not in pins]:
        raise section.error(f"{missing[0]} is missing: pin every service, or none")
    return {service: str(version) for service, version in pins.items()}


def _overrides(section: Section, stacks: tuple[Stack, ...]) -> dict[str, str]:
    names = {stack.name for stack in stacks}
    reasons = section.values()
    for resource, reason in reasons.items():
        stack, _, logical_id = resource.partition(".")
        if stack not in names or not logical_id:
            raise section.error(f"{resource} must be stack.Resource, with a deployed stack")
        if not isinstance(reason, str) or not reason.strip():
            raise section.error(f"{resource} must give a reason as text, not {reason!r}")
    return {resource: str(reason) for resource, reason in reasons.items()}


def _output(section: Section, key: str, source: str) -> Output:
    stack, dot, name = source.partition(".")
    if not (stack and dot and name):
        raise section.error(f"{key} must be stack.Output, not {source!r}")
    return Output(stack, name)
