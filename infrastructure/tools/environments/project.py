"""What a `pyproject.toml` of this repository says: what a package bundles, and the local packages that it needs."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]
"""A parsed `pyproject.toml`."""


def local_dependencies(project: Document) -> tuple[str, ...]:
    """Return the names of the dependencies that are packages of this repository, in the order of the file.

    https://docs.astral.sh/uv/concepts/projects/dependencies/#path
    """
    return tuple(name for name in project["project"].get("dependencies", ()) if name in _sources(project))


def bundled_modules(service: str, project: Document) -> dict[str, tuple[str, ...]]:
    """Return the modules that the package of a service contains, by the folder of `services/` that they are in.

    The first module of a project is its library, and the rest are entry points, which other services do not bundle.
    Projects of 2026 name what they bundle in `[tool.package]`.
    https://docs.astral.sh/uv/concepts/build-backend/#modules
    """
    own = project.get("tool", {}).get("uv", {}).get("build-backend", {}).get("module-name", service)
    before = project.get("tool", {}).get("package", {}).get("bundles", ())
    libraries = {name: (name,) for name in (*local_dependencies(project), *before) if name != service}
    return {**libraries, service: (own,) if isinstance(own, str) else tuple(own)}


def installed_from(folder: Path) -> Iterator[Path]:
    """Yield the folder of a project's package, if it can be built, and those of its local dependencies, each once."""
    waiting, seen = [folder.resolve()], set()
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        project = read_project(folder)
        if "build-system" in project:
            yield folder
        sources = _sources(project)
        waiting += [(folder / sources[name]["path"]).resolve() for name in local_dependencies(project)]


def read_project(folder: Path) -> Document:
    """Read the `pyproject.toml` of a folder."""
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def _sources(project: Document) -> Document:
    sources: Document = project.get("tool", {}).get("uv", {}).get("sources", {})
    return sources
