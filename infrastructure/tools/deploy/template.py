"""The parts of a CloudFormation template that the tools need: parameters, resources and outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from deploy.errors import TemplateError


class Intrinsic(NamedTuple):
    """A short-form function of CloudFormation, such as `!Ref Bucket`: its tag and its argument."""

    tag: str
    argument: Any


@dataclass(frozen=True)
class Template:
    """A template file."""

    path: Path

    @cached_property
    def body(self) -> str:
        """The text of the file."""
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"{self.path} cannot be read: {error}") from error

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The description of each parameter by its name."""
        return self._section("Parameters")

    @cached_property
    def resources(self) -> Mapping[str, str]:
        """The type of each resource by its logical id."""
        return {name: str(resource.get("Type")) for name, resource in self._section("Resources").items()}

    @cached_property
    def outputs(self) -> Mapping[str, Mapping[str, Any]]:
        """The description of each output by its name."""
        return self._section("Outputs")

    @property
    def required(self) -> set[str]:
        """The parameters without a default."""
        return {name for name, parameter in self.parameters.items() if "Default" not in parameter}

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The parsed content; short-form functions are `Intrinsic`."""
        try:
            document = yaml.load(self.body, _Loader)  # noqa: S506 - a safe loader
        except yaml.YAMLError as error:
            raise TemplateError(f"{self.path} is not valid YAML: {error}") from error
        if not isinstance(document, dict):
            raise TemplateError(f"{self.path} must be a mapping")
        return document

    def _section(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        section = self.document.get(name, {})
        if not isinstance(section, dict) or not all(isinstance(item, dict) for item in section.values()):
            raise TemplateError(f"{self.path}: {name} must be a mapping of mappings")
        return section


class UniqueKeyLoader(yaml.SafeLoader):
    """Reads YAML and rejects duplicate keys, of which plain YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping.

        Raises:
            yaml.constructor.ConstructorError: a key is duplicate.
        """
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"duplicate key {key_node.value}", key_node.start_mark
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


class _Loader(UniqueKeyLoader):
    """Reads templates: plain YAML, with CloudFormation's functions as `Intrinsic`."""


def _intrinsic(loader: _Loader, tag: str, node: yaml.Node) -> Intrinsic:
    if isinstance(node, yaml.ScalarNode):
        return Intrinsic(tag, loader.construct_scalar(node))
    if isinstance(node, yaml.SequenceNode):
        return Intrinsic(tag, loader.construct_sequence(node, deep=True))
    assert isinstance(node, yaml.MappingNode)  # noqa: S101 - for the type checker: there are only three kinds
    return Intrinsic(tag, loader.construct_mapping(node, deep=True))


_Loader.add_multi_constructor("!", _intrinsic)
