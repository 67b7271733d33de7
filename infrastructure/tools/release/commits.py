"""What the commits of a service since its last version amount to, by git-cliff: the next version, and its changelog."""

import os
import re
import subprocess
import sys
from pathlib import Path

from release.errors import ReleaseError
from release.repository import Repository, tag_name
from release.service import Service
from release.version import Version

GIT_CLIFF = Path(sys.executable).with_name("git-cliff")  # the package brings it as a program
SETTINGS = Path(__file__).with_name("cliff.toml")


def next_version(repository: Repository, service: Service, base: Version) -> Version:
    """Return the version that follows from the commits since `base` to what the package of a service contains.

    `feat:` moves the minor version, `!` or a footer BREAKING CHANGE the major one (below 1.0 the minor one), every
    other commit the patch.

    Raises:
        ReleaseError: git-cliff is not there or fails.
    """
    tag = _git_cliff(repository, service, base, "--bumped-version").strip()
    version = Version.parse(tag.removeprefix(f"{service.name}-v"), "the answer of git-cliff")
    return max(version, base.next("patch"))  # commits that count for nothing, such as merges, changed something, too


def entries(repository: Repository, service: Service, base: Version) -> str:
    """Return a Markdown list of those commits, the oldest first; each is the subject of its message, without a prefix.

    Raises:
        ReleaseError: git-cliff is not there or fails.
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
        raise ReleaseError(f"there is no git-cliff at {GIT_CLIFF}: make release installs it") from error
    if done.returncode:
        raise ReleaseError(f"git-cliff failed: {done.stderr.strip()}")
    return done.stdout


def _patterns(service: Service) -> list[str]:
    """Return what git-cliff compares paths with: a folder needs two stars."""
    return [path if Path(path).suffix else f"{path}/**" for path in service.paths]
