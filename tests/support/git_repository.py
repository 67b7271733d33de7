"""Scratch repositories of git, where neither the user nor the machine configures anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# No configuration of the user or the machine, and an author where none is configured.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "tests@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class GitRepository:
    """A folder with a repository, or one that becomes it by `git("init")`."""

    def __init__(self, path: Path) -> None:
        """Use what is in a folder."""
        self.path = path

    def git(self, *arguments: str) -> str:
        """Run git here and return what it printed."""
        environment = {**os.environ, **GIT_ENVIRONMENT}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
