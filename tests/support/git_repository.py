"""Scratch git repositories, without the configuration of the user and the machine."""

import os
import subprocess
from pathlib import Path

# No configuration files, and an author.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": "tests@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class GitRepository:
    """A git repository; an empty folder becomes one by `git("init")`."""

    def __init__(self, path: Path) -> None:
        """Use the repository in a folder."""
        self.path = path

    def git(self, *arguments: str) -> str:
        """Run git here and return its output."""
        environment = {**os.environ, **GIT_ENVIRONMENT}
        done = subprocess.run(["git", *arguments], cwd=self.path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")
