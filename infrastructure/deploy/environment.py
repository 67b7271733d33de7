"""What an environment wants, read from `environments/<name>.yaml` and `stacks.yaml`, and checked before any call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import yaml

INFRASTRUCTURE = Path(__file__).parents[1]

Platform = Literal["host", "lambda"]


class EnvironmentFileError(Exception):
    """A file of desired state cannot be used; the message names the file, the key and what is wrong with it."""


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
    """A stack to be: its template, the service it runs, and where each parameter comes from."""

    name: str
    template: Path
    service: str | None
    wired: Mapping[str, Output]
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Environment:
    """The desired state of an environment; `stacks` come in an order in which they can be deployed."""

    name: str
    region: str
    stack_prefix: str
    artifact_bucket: str
    platform: Platform
    provided: Mapping[str, Mapping[str, str]]
    stacks: tuple[Stack, ...]


def load_environment(name: str, variables: Mapping[str, str], folder: Path = INFRASTRUCTURE) -> Environment:
    """Read an environment; `${NAME}` in its file is replaced from `variables`.

    Raises:
        EnvironmentFileError: a file is missing or wrong.
    """
    path = folder / "environments" / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise EnvironmentFileError(f"there is no environment {name!r}; there is: {known}")
    document = _Section(path, "", _substitute(_read(path), variables, path))
    artifacts = document.section("artifacts")
    provided = {stack: _texts(outputs) for stack, outputs in document.section("provided", {}).items()}
    environment = Environment(
        name=name,
        region=document.text("region"),
        stack_prefix=document.text("stack_prefix"),
        artifact_bucket=artifacts.text("bucket"),
        platform=artifacts.choice("platform", ("host", "lambda")),
        provided=provided,
        stacks=_stacks(folder, document.section("parameters", {}), set(provided)),
    )
    artifacts.refuse_other_keys()
    document.refuse_other_keys()
    return environment


def _stacks(folder: Path, parameters: "_Section", provided: set[str]) -> tuple[Stack, ...]:
    path = folder / "stacks.yaml"
    wiring = _Section(path, "", _read(path))
    stacks: dict[str, Stack] = {}
    for name, section in wiring.items():
        if name in provided:
            continue
        wired = {
            parameter: _output(section, f"parameters.{parameter}", source)
            for parameter, source in _texts(section.section("parameters", {})).items()
        }
        set_here = _texts(parameters.section(name, {}))
        if both := sorted(wired.keys() & set_here.keys()):
            raise EnvironmentFileError(
                f"{parameters.path}: parameters.{name}.{both[0]} is already wired in {path.name}; remove one"
            )
        service = section.optional_text("service")
        stacks[name] = Stack(name, folder / "templates" / section.text("template"), service, wired, set_here)
        section.refuse_other_keys()
    parameters.refuse_other_keys()
    for stack in stacks.values():
        for parameter, output in stack.wired.items():
            if output.stack not in stacks.keys() | provided:
                raise EnvironmentFileError(
                    f"{path}: {stack.name}.parameters.{parameter} takes {output}, "
                    f"but no stack {output.stack!r} is deployed or provided"
                )
    before = {name: {output.stack for output in stack.wired.values()} - provided for name, stack in stacks.items()}
    try:
        return tuple(stacks[name] for name in TopologicalSorter(before).static_order())
    except CycleError as error:
        raise EnvironmentFileError(f"{path}: stacks need each other: {' -> '.join(error.args[1])}") from error


def _output(section: "_Section", key: str, source: str) -> Output:
    stack, dot, name = source.partition(".")
    if not (stack and dot and name):
        raise EnvironmentFileError(f"{section.path}: {section.key}{key} must be stack.Output, not {source!r}")
    return Output(stack, name)


def _read(path: Path) -> object:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise EnvironmentFileError(f"{path} is not YAML: {error}") from error


def _substitute(value: Any, variables: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(item, variables, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, variables, path) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1] not in variables:
            raise EnvironmentFileError(f"{path}: the variable {match[1]} is not set")
        return variables[match[1]]

    return re.sub(r"\$\{(\w+)\}", replace, value)


class _Section:
    """A mapping in a file that knows where it stands, so that every complaint can say so."""

    def __init__(self, path: Path, key: str, value: object) -> None:
        if not isinstance(value, dict):
            raise EnvironmentFileError(f"{path}: {key.rstrip('.') or 'the file'} must be a mapping, not {value!r}")
        self.path = path
        self.key = key
        self._unread = dict(value)

    def _take(self, name: str) -> object:
        return self._unread.pop(name, None)

    def section(self, name: str, default: object = None) -> "_Section":
        value = self._take(name)
        return _Section(self.path, f"{self.key}{name}.", default if value is None else value)

    def items(self) -> list[tuple[str, "_Section"]]:
        return [(name, self.section(name)) for name in list(self._unread)]

    def scalars(self) -> dict[str, object]:
        taken, self._unread = self._unread, {}
        return taken

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not value:
            raise EnvironmentFileError(f"{self.path}: {self.key}{name} must be a text, not {value!r}")
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
    """Return a section of scalars as CloudFormation wants them: texts."""
    texts = {}
    for name, value in section.scalars().items():
        if isinstance(value, bool):
            texts[name] = str(value).lower()
        elif isinstance(value, str | int):
            texts[name] = str(value)
        else:
            raise EnvironmentFileError(f"{section.path}: {section.key}{name} must be a text or a number, not {value!r}")
    return texts
