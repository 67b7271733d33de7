"""A small project in its own git repository, for tests of versions.

It has three services, a shared package, and two environments with pins.
"""

from __future__ import annotations

import contextlib
import shutil
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


class Project(GitRepository):
    """A work tree of the project."""

    @classmethod
    def create(cls, path: Path) -> Project:
        """Create the project with one commit and without tags."""
        project = cls(path)
        versions = {"catalog": "0.3.0", "imaging": "0.1.0", "annotate": "0.2.0", "web": "0.1.4"}
        for name, version in versions.items():
            folder = f"services/{name}"
            bundles = BUNDLES[name]
            sources = "".join(f'{bundled} = {{ path = "../{bundled}" }}\n' for bundled in bundles)
            project.write(
                f"{folder}/pyproject.toml",
                f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(bundles)}\n\n'
                f"[tool.uv.sources]\n{sources}",
            )
            project.write(f"{folder}/{name}/code.py", "first = 1\n")
            if name != "imaging":
                project.write(f"{folder}/requirements.txt", "boto3==1\n")
                project.write(f"{folder}/CHANGELOG.md", f"# {name}\n\n## {version} - 2026-01-01\n\n- First release.\n")
        project.write(STAGING, PINS)
        project.write(PRODUCTION, PINS)
        project.write("infrastructure/environments/local.yaml", "region: us-east-1\n")
        path.joinpath(".gitignore").write_text("__pycache__/\n")
        project.git("init", "--quiet", "--initial-branch", "main", "--template", "")
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

    def change(self, package: str, message: str) -> None:
        """Commit a change of a package's code."""
        code = f"services/{package}/{package}/code.py"
        self.write(code, self.read(code) + f"# {message}\n")
        self.commit(message)

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
