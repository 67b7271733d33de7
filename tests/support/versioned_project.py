"""Small projects in their own git repositories, for tests of versions."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path

from click.testing import CliRunner, Result

from release.__main__ import main
from support.git_repository import GIT_ENVIRONMENT, GitRepository

BUNDLES = {"catalog": (), "imaging": (), "annotate": ("catalog", "imaging"), "web": ("catalog",)}
STAGING = "infrastructure/environments/staging.yaml"
PRODUCTION = "infrastructure/environments/production.yaml"
PINS = """\
region: eu-central-1 # where it runs
versions: # written by the commands
  annotate: 0.2.0
  catalog: 0.3.0
  web: 0.1.4 # the gallery
"""
LOCK = """\
six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\
    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81
"""


class Project(GitRepository):
    """A work tree of the project."""

    @classmethod
    def empty(cls, path: Path) -> Project:
        """Create a project without files and commits."""
        path.mkdir(parents=True, exist_ok=True)
        project = cls(path)
        project.git("init", "--quiet", "--initial-branch", "main", "--template", "")
        return project

    @classmethod
    def create(cls, path: Path) -> Project:
        """Create a project with three services, a shared package and two pinned environments, in an untagged commit."""
        project = cls.empty(path)
        versions = {"catalog": "0.3.0", "imaging": "0.1.0", "annotate": "0.2.0", "web": "0.1.4"}
        for name, version in versions.items():
            project.write_package(name, version, "first = 1\n", BUNDLES[name])
            if name != "imaging":
                changelog = f"# {name}\n\n## {version} - 2026-01-01\n\n- First release.\n"
                project.write(f"services/{name}/requirements.txt", LOCK)
                project.write(f"services/{name}/CHANGELOG.md", changelog)
        project.write(STAGING, PINS)
        project.write(PRODUCTION, PINS)
        project.write("infrastructure/environments/local.yaml", "region: us-east-1\n")
        path.joinpath(".gitignore").write_text("__pycache__/\n")
        project.commit("Begin")
        project.git("gc", "--quiet")  # one pack is copied faster than many objects
        return project

    def copy(self, path: Path) -> Project:
        """Return a copy with the history."""
        shutil.copytree(self.path, path)
        return Project(path)

    def read(self, path: str) -> str:
        """Return a file of the work tree."""
        return (self.path / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Write a file of the work tree."""
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(text, encoding="utf-8")

    def write_package(self, name: str, version: str, code: str, bundles: Collection[str]) -> None:
        """Write a package that bundles others."""
        sources = "".join(f'{bundled} = {{ path = "../{bundled}" }}\n' for bundled in bundles)
        self.write(
            f"services/{name}/pyproject.toml",
            f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(bundles)}\n\n'
            f"[tool.uv.sources]\n{sources}",
        )
        self.write(f"services/{name}/{name}/code.py", code)

    def write_service(self, name: str, version: str, code: str) -> None:
        """Write a service that bundles the package `shared`."""
        self.write_package("shared", "0.1.0", "SHARED = 1\n", ())
        self.write_package(name, version, code, ["shared"])
        self.write(f"services/{name}/requirements.txt", LOCK)

    def tag_service(self, name: str, version: str, code: str) -> None:
        """Write a service, commit and tag it."""
        self.write_service(name, version, code)
        self.commit(f"Release {name} {version}")
        self.git("tag", f"{name}-v{version}")

    def change(self, package: str, message: str) -> None:
        """Commit a change of a package's code."""
        code = f"services/{package}/{package}/code.py"
        self.write(code, self.read(code) + f"# {message}\n")
        self.commit(message)

    def change_and_bump(self, service: str, message: str = "Ask again") -> None:
        """Commit a change of a service, then its next version."""
        self.change(service, message)
        self.bump(service)

    def tags(self) -> list[str]:
        """Return all tags."""
        return self.git("tag").split()

    def release(self, *arguments: str, code: int = 0) -> Result:
        """Run the `release` command here without git configuration, check its exit code, and return its result."""
        with contextlib.chdir(self.path):
            result = CliRunner(env=GIT_ENVIRONMENT).invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result

    def bump(self, service: str) -> None:
        """Give a service its next version and commit it with the suggested message."""
        suggested = self.release("bump", service).stdout.splitlines()[-1]
        self.commit(suggested.split('"')[1])
