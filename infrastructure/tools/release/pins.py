"""Pins: the section `versions` of `infrastructure/environments/<name>.yaml`."""

from collections.abc import Iterator

import yaml

from release.errors import ReleaseError
from release.repository import Repository
from release.version import Version

ENVIRONMENTS = "infrastructure/environments"
SECTION = "versions"


def environment_path(repository: Repository, environment: str) -> str:
    """Return the path of an environment's file.

    Raises:
        ReleaseError: the environment is unknown; the message lists the available ones.
    """
    path = f"{ENVIRONMENTS}/{environment}.yaml"
    files = repository.files(f"{ENVIRONMENTS}/*.yaml")
    if path not in files:
        known = ", ".join(file.rpartition("/")[2].removesuffix(".yaml") for file in files)
        raise ReleaseError(f"unknown environment {environment!r}; available: {known}")
    return path


def all_pins(repository: Repository) -> dict[str, dict[str, Version]]:
    """Return the pins of the environments that have any, by the path of the file.

    Raises:
        ReleaseError: a file is not valid YAML, or a pin is not a version.
    """
    pins = {path: read_pins(repository.read(path), path) for path in repository.files(f"{ENVIRONMENTS}/*.yaml")}
    return {path: versions for path, versions in pins.items() if versions is not None}


def read_pins(text: str, path: str) -> dict[str, Version] | None:
    """Return the pinned version of each service, or None without a section of versions.

    Raises:
        ReleaseError: the file is not valid YAML, or a pin is not a version.
    """
    section = _section(text, path)
    if section is None:
        return None
    return {name: Version.parse(pin.value, f"{path}: {SECTION}.{name}") for name, pin in _pins(section, path)}


def with_pin(text: str, path: str, service: str, version: Version) -> str:
    """Return an environment file with another pin for a service; all other bytes are unchanged.

    Raises:
        ReleaseError: the file has no pin of the service, or the pin has an anchor, an alias or a tag.
    """
    section = _section(text, path)
    pins = dict(_pins(section, path)) if section else {}
    if service not in pins:
        raise ReleaseError(f"{path} pins no version of {service}: write {service}: {version} below {SECTION}:")
    pin = pins[service]
    start, end = pin.start_mark.index, pin.end_mark.index
    quote = pin.style or ""
    if text[start:end] != f"{quote}{pin.value}{quote}":  # it has an anchor or a tag, or is an alias
        raise ReleaseError(
            f"{path}: write the pin of {service} as {service}: {pin.value}, without YAML anchors or tags"
        )
    return f"{text[:start]}{quote}{version}{quote}{text[end:]}"


def _section(text: str, path: str) -> yaml.MappingNode | None:
    try:
        document = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ReleaseError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, yaml.MappingNode):
        raise ReleaseError(f"{path} must be a mapping")
    sections = [value for key, value in document.value if key.value == SECTION]
    if not sections:
        return None
    if len(sections) > 1 or not isinstance(sections[0], yaml.MappingNode):
        raise ReleaseError(f"{path}: {SECTION} must be one mapping of services to versions")
    return sections[0]


def _pins(section: yaml.MappingNode, path: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    seen = set()
    for key, value in section.value:
        if not isinstance(key, yaml.ScalarNode) or not isinstance(value, yaml.ScalarNode) or key.value in seen:
            raise ReleaseError(f"{path}: {SECTION} must contain each service once, with its version")
        seen.add(key.value)
        yield key.value, value
