"""The desired state of an environment: reads and validates `environments/<name>.yaml` and `stacks.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import yaml

from deploy.errors import EnvironmentFileError
from deploy.template import Template, UniqueKeyLoader
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
    document = _Section(path, "", _substitute(_read(path), variables, path))
    provided = {stack: _texts(outputs) for stack, outputs in document.section("provided", {}).items()}
    existing = _texts(document.section("existing", {}))
    role = document.optional_text("execution_role")
    overrides = document.section("overrides", {}).reasons()
    stacks = _stacks(folder, document.section("parameters", {}), provided, existing)
    _check_overrides(path, overrides, stacks)
    pins = document.optional_section("versions")
    environment = Environment(
        name=name,
        path=path,
        region=document.text("region"),
        stack_prefix=document.text("stack_prefix"),
        platform=document.choice("platform", ("host", "container", "aws")),
        provided=provided,
        existing=existing,
        execution_role=None if role is None else _output(document, "execution_role", role),
        versions=None if pins is None else _versions(pins, stacks),
        overrides=overrides,
        stacks=stacks,
    )
    document.refuse_other_keys()
    return environment


def _stacks(
    folder: Path, parameters: _Section, provided: Mapping[str, Mapping[str, str]], existing: Mapping[str, str]
) -> tuple[Stack, ...]:
    path = folder / "stacks.yaml"
    stacks: dict[str, Stack] = {}
    for name, section in _Section(path, "", _read(path)).items():
        if name not in provided:
            stacks[name] = _stack(folder, name, section, parameters)
    parameters.refuse_other_keys()
    elsewhere = provided.keys() | existing.keys()
    for stack in stacks.values():
        for parameter, output in stack.wired.items():
            place = f"{path}: {stack.name}.parameters.{parameter} takes {output}"
            if output.stack not in stacks.keys() | elsewhere:
                raise EnvironmentFileError(
                    f"{place}, but stack {output.stack!r} is neither deployed, provided nor existing"
                )
            if output.stack in stacks and output.name not in stacks[output.stack].template.outputs:
                raise EnvironmentFileError(
                    f"{place}, which is not an output of {stacks[output.stack].template.path.name}"
                )
            if output.stack in provided and output.name not in provided[output.stack]:
                raise EnvironmentFileError(f"{parameters.path}: provided.{output.stack} lacks {output.name}; {place}")
    before = {name: {output.stack for output in stack.wired.values()} - elsewhere for name, stack in stacks.items()}
    try:
        return tuple(stacks[name] for name in TopologicalSorter(before).static_order())
    except CycleError as error:
        raise EnvironmentFileError(f"{path}: stacks depend on each other: {' -> '.join(error.args[1])}") from error


def _stack(folder: Path, name: str, section: _Section, parameters: _Section) -> Stack:
    """Read a stack of stacks.yaml, and the parameters that the environment sets."""
    wired = {
        parameter: _output(section, f"parameters.{parameter}", source)
        for parameter, source in _texts(section.section("parameters", {})).items()
    }
    set_here = _texts(parameters.section(name, {}))
    template = Template(folder / "templates" / section.text("template"))
    service = section.optional_text("service")
    section.refuse_other_keys()
    where = f"{parameters.path}: parameters.{name}"
    filled = {FROM_PACKAGE, RELEASE}
    if both := sorted(wired.keys() & set_here.keys()):
        raise EnvironmentFileError(f"{where}.{both[0]} is already wired in {section.path.name}; remove one")
    if unknown := sorted(set_here.keys() - (template.parameters.keys() - filled)):
        raise EnvironmentFileError(f"{where}.{unknown[0]} is not a settable parameter of {template.path.name}")
    if unknown := sorted(wired.keys() - template.parameters.keys()):
        raise EnvironmentFileError(
            f"{section.path}: {name}.parameters.{unknown[0]} is not a parameter of {template.path.name}"
        )
    if missing := sorted(template.required - wired.keys() - set_here.keys() - filled):
        raise EnvironmentFileError(f"{where}.{missing[0]} is missing: {template.path.name} has no default for it")
    if service and ARTIFACT_BUCKET not in wired.keys() | set_here.keys():
        raise EnvironmentFileError(
            f"{section.path}: {name}.parameters.{ARTIFACT_BUCKET} is missing: the stack has a service"
        )
    return Stack(name, template, service, wired, set_here)


def _versions(section: _Section, stacks: tuple[Stack, ...]) -> dict[str, str]:
    """Read the pins: of all services or of none, because releases are not mixed with a working tree."""
    services = [stack.service for stack in stacks if stack.service]
    pins = section.scalars()
    for service, version in pins.items():
        place = f"{section.path}: versions.{service}"
        if service not in services:
            raise EnvironmentFileError(f"{place} is not a service of a stack here; available: {', '.join(services)}")
        if not isinstance(version, str) or not Version.find(version):
            raise EnvironmentFileError(f"{place} must be a version like 1.4.0, not {version!r}")
    if missing := [service for service in services if service not in pins]:
        raise EnvironmentFileError(f"{section.path}: versions.{missing[0]} is missing: pin every service, or none")
    return {service: str(version) for service, version in pins.items()}


def _check_overrides(path: Path, overrides: Mapping[str, str], stacks: tuple[Stack, ...]) -> None:
    names = {stack.name for stack in stacks}
    for resource in overrides:
        stack, _, logical_id = resource.partition(".")
        if stack not in names or not logical_id:
            raise EnvironmentFileError(f"{path}: overrides.{resource} must be stack.Resource, with a deployed stack")


def _output(section: _Section, key: str, source: str) -> Output:
    stack, dot, name = source.partition(".")
    if not (stack and dot and name):
        raise EnvironmentFileError(f"{section.path}: {section.key}{key} must be stack.Output, not {source!r}")
    return Output(stack, name)


def _read(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), UniqueKeyLoader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise EnvironmentFileError(f"{path} is not valid YAML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{path} cannot be read: {error}") from error


def _substitute(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, path) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        try:
            return variables[match[1]]
        except KeyError:
            raise EnvironmentFileError(f"{path}: variable {match[1]} is not set") from None

    return re.sub(r"\$\{(\w+)\}", replace, value)


class _Section:
    """A mapping in a file, with its position for error messages."""

    def __init__(self, path: Path, key: str, value: object) -> None:
        if not isinstance(value, dict):
            raise EnvironmentFileError(f"{path}: {key.rstrip('.') or 'the file'} must be a mapping, not {value!r}")
        if odd := [name for name in value if not isinstance(name, str)]:
            raise EnvironmentFileError(f"{path}: {key}{odd[0]} is not a string key: put it in quotes")
        self.path = path
        self.key = key
        self._unread = dict(value)

    def _take(self, name: str) -> object:
        return self._unread.pop(name, None)

    def section(self, name: str, default: object = None) -> _Section:
        value = self._take(name)
        return _Section(self.path, f"{self.key}{name}.", default if value is None else value)

    def optional_section(self, name: str) -> _Section | None:
        return self.section(name, {}) if name in self._unread else None

    def items(self) -> list[tuple[str, _Section]]:
        return [(name, self.section(name)) for name in list(self._unread)]

    def scalars(self) -> dict[str, object]:
        taken, self._unread = self._unread, {}
        return taken

    def reasons(self) -> dict[str, str]:
        scalars = self.scalars()
        for name, reason in scalars.items():
            if not isinstance(reason, str) or not reason.strip():
                raise EnvironmentFileError(f"{self.path}: {self.key}{name} must give a reason as text, not {reason!r}")
        return {name: str(reason) for name, reason in scalars.items()}

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise EnvironmentFileError(f"{self.path}: {self.key}{name} must be a string, not {value!r}")
        return value

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if name in self._unread else None

    def choice(self, name: str, allowed: tuple[Platform, ...]) -> Platform:
        value = self._take(name)
        for choice in allowed:
            if value == choice:
                return choice
        raise EnvironmentFileError(f"{self.path}: {self.key}{name} must be one of {', '.join(allowed)}, not {value!r}")

    def refuse_other_keys(self) -> None:
        if self._unread:
            raise EnvironmentFileError(f"{self.path}: unknown key {self.key}{next(iter(self._unread))}")


def _texts(section: _Section) -> dict[str, str]:
    """Return a section of scalars as strings, which CloudFormation requires."""
    texts = {}
    for name, value in section.scalars().items():
        if isinstance(value, bool):
            texts[name] = str(value).lower()
        elif isinstance(value, str | int | float):
            texts[name] = str(value)
        else:
            raise EnvironmentFileError(
                f"{section.path}: {section.key}{name} must be a string or a number, not {value!r}"
            )
    return texts
