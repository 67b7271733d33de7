"""Derives the next version of a service and its changelog from commits, with git-cliff."""

import os
import re
import subprocess
import sys
from pathlib import Path

from release.errors import ReleaseError
from release.repository import Repository, tag_name
from release.service import Service
from release.version import Version

GIT_CLIFF = Path(sys.executable).with_name("git-cliff")  # a program in a Python package
SETTINGS = Path(__file__).with_name("cliff.toml")


def next_version(repository: Repository, service: Service, base: Version) -> Version:
    """Return the version that follows from the commits since `base` to the content of a package.

    `feat:` increases the minor version, `!` or a footer BREAKING CHANGE the major version (below 1.0 the minor
    version), and every other commit the patch version.

    Raises:
        ReleaseError: git-cliff is missing or fails.
    """
    tag = _git_cliff(repository, service, base, "--bumped-version").strip()
    version = Version.parse(tag.removeprefix(f"{service.name}-v"), "the output of git-cliff")
    return max(version, base.next("patch"))  # at least a patch: git-cliff ignores some commits, such as merges


def entries(repository: Repository, service: Service, base: Version) -> str:
    """Return a Markdown list of the subjects of these commits, oldest first, without prefixes.

    Raises:
        ReleaseError: git-cliff is missing or fails.
    """
    return _git_cliff(repository, service, base, "--strip", "all").strip()


def _git_cliff(repository: Repository, service: Service, base: Version, *options: str) -> str:
    tag = tag_name(service.name, base)
    command = [
        str(GIT_CLIFF),
        *("--config", str(SETTINGS), "--repository", str(repository.path), "--workdir", str(repository.path)),
        *("--offline", "--no-exec"),
        *("--tag-pattern", rf"^{service.name}-v\d+\.\d+\.\d+$", "--count-tags", f"^{re.escape(tag)}$"),
        *(f"--include-path={path}" for path in _patterns(service)),
        *options,
        *("--", f"{tag}..HEAD"),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_CLIFF_")}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
    except FileNotFoundError as error:
        raise ReleaseError(f"git-cliff is missing at {GIT_CLIFF}: make release installs it") from error
    if done.returncode:
        raise ReleaseError(f"git-cliff failed: {done.stderr.strip()}")
    return done.stdout


def _patterns(service: Service) -> list[str]:
    """Return the paths of a service as glob patterns."""
    return [path if Path(path).suffix else f"{path}/**" for path in service.paths]
