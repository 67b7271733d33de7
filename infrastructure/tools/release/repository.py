"""The git repository: tags of versions, files at a commit, and changes since a commit."""

import io
import os
import shutil
import subprocess
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from release.errors import ReleaseError
from release.version import Version

# Bytes as committed, independent of the line-ending settings of this machine.
_AS_COMMITTED = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")


def tag_name(service: str, version: Version) -> str:
    """Return the tag that marks a version of a service: `annotate-v0.2.0`."""
    return f"{service}-v{version}"


class Repository:
    """The repository that a folder is in; `path` is its root.

    Every method raises ReleaseError with git's message if git fails.
    """

    def __init__(self, path: Path) -> None:
        """Find the repository that `path` is in.

        Raises:
            ReleaseError: git is not installed, or `path` is not in a git work tree.
        """
        self.path = path
        try:
            self.path = Path(self._git("rev-parse", "--show-toplevel").decode().removesuffix("\n"))
        except ReleaseError as error:
            if "not a git repository" not in str(error):
                raise
            raise ReleaseError(
                f"{path} is not in a git repository, whose tags mark the versions: git clone the project instead "
                "of downloading its files"
            ) from error

    def head(self) -> str:
        """Return the commit that is checked out.

        Raises:
            ReleaseError: the repository has no commit.
        """
        commit = self.find_commit("HEAD")
        if commit is None:
            raise ReleaseError("HEAD is not a commit of this repository")
        return commit

    def find_commit(self, revision: str) -> str | None:
        """Return the commit that a revision names, or None if it is not in this clone."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def tag_commit(self, tag: str) -> str:
        """Return the commit that a tag marks.

        Raises:
            ReleaseError: the tag does not exist in this clone.
        """
        commit = self.find_commit(f"refs/tags/{tag}")
        if commit is None:
            raise ReleaseError(f"no tag {tag}: fetch the tags (git fetch --tags), or create it with make tag")
        return commit

    def tags(self, service: str, *, merged: bool = False) -> list[Version]:
        """Return the tagged versions of a service, newest first; with `merged`, only those in the history of HEAD."""
        options = ["--merged", "HEAD"] if merged else []
        names = self._git("for-each-ref", "--format=%(refname:strip=2)", *options, f"refs/tags/{service}-v*")
        versions = (Version.find(name.removeprefix(f"{service}-v")) for name in names.decode().splitlines())
        return sorted((version for version in versions if version), reverse=True)

    def make_tag(self, tag: str, commit: str) -> None:
        """Create a tag at a commit.

        It is lightweight, even if git is configured to sign tags: this needs no author and no key.
        """
        self._git("tag", "--no-sign", "--end-of-options", tag, commit)

    def read(self, path: str, commit: str | None = None) -> str:
        """Return the text of a file at a commit, or in the work tree, with its original line endings.

        Raises:
            ReleaseError: the file is missing or is not UTF-8.
        """
        try:
            content = self._git("cat-file", "blob", f"{commit}:{path}") if commit else (self.path / path).read_bytes()
            return content.decode()
        except OSError as error:
            raise ReleaseError(f"{path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ReleaseError(f"{path} is not UTF-8: {error}") from error

    def write(self, path: str, text: str) -> None:
        """Replace a file of the work tree atomically; its mode is preserved.

        Raises:
            ReleaseError: the file cannot be written.
        """
        target = self.path / path
        unfinished = target.with_name(f".{target.name}.new")
        try:
            unfinished.write_bytes(text.encode())
            if target.exists():
                shutil.copymode(target, unfinished)
            unfinished.replace(target)
        except OSError as error:
            raise ReleaseError(f"{path} cannot be written: {error.strerror}") from error

    def files(self, pattern: str, commit: str | None = None) -> list[str]:
        """Return the files at a commit, or in the work tree, whose path matches a pattern such as `services/*/x.md`."""
        if commit is None:
            return sorted(file.relative_to(self.path).as_posix() for file in self.path.glob(pattern))
        names = self._git("ls-tree", "-r", "--name-only", "-z", commit).decode().split("\0")
        return [name for name in names if PurePosixPath(name).match(pattern) and name.count("/") == pattern.count("/")]

    def archive(self, commit: str, folders: Iterable[str], target: Path) -> None:
        """Write folders at a commit to `target`, byte for byte as committed.

        The archive is a zip because zipfile never writes outside its target.

        Raises:
            ReleaseError: the commit lacks one of the folders.
        """
        packed = self._git("archive", "--format=zip", commit, "--", *folders, settings=_AS_COMMITTED)
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            archive.extractall(target)

    def changed(self, commit: str, paths: Collection[str]) -> list[str]:
        """Return the files below `paths` that differ between a commit and the work tree.

        Untracked files are included, except ignored ones.
        """
        if not paths:  # git would take this as all paths
            return []
        differing = self._git("diff", "--name-only", "--no-renames", "-z", commit, "--", *paths)
        new = self._git("ls-files", "--others", "--exclude-standard", "-z", "--", *paths)
        return sorted({name.decode() for name in (differing + new).split(b"\0") if name})

    def is_shallow(self) -> bool:
        """Return whether this is a shallow clone."""
        return self._git("rev-parse", "--is-shallow-repository").strip() == b"true"

    def has_origin(self) -> bool:
        """Return whether there is a remote called `origin`."""
        return b"origin" in self._git("remote").split()

    def origin_tags(self) -> dict[str, str]:
        """Return the tags on `origin` with their commits."""
        tags: dict[str, str] = {}
        for line in self._git("ls-remote", "--tags", "origin").decode().splitlines():
            commit, name = line.split("\t")
            # An annotated tag has a second line with its commit.
            tags[name.removeprefix("refs/tags/").removesuffix("^{}")] = commit
        return tags

    def fetch_main(self) -> str | None:
        """Fetch and return the newest commit of `main` on `origin`; None if the branch does not exist."""
        branch = "refs/heads/main"
        main = self._git("ls-remote", "origin", branch).decode().partition("\t")[0]
        if main and not self.find_commit(main):
            self._git("fetch", "--quiet", "--no-tags", "origin", branch)
        return main or None

    def is_ancestor(self, commit: str, descendant: str) -> bool:
        """Return whether a commit is `descendant` or in its history."""
        return self._run("merge-base", "--is-ancestor", commit, descendant).returncode == 0

    def push_tags(self, tags: Iterable[str]) -> None:
        """Push tags to `origin`, all or none."""
        self._git("push", "--quiet", "--atomic", "origin", *(f"refs/tags/{tag}" for tag in tags))

    def _git(self, *arguments: str, settings: tuple[str, ...] = ()) -> bytes:
        done = self._run(*settings, *arguments)
        if done.returncode:
            raise ReleaseError(f"git {arguments[0]} failed in {self.path}: {done.stderr.decode().strip()}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        # Messages in English, and no password prompt.
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        try:
            return subprocess.run(["git", *arguments], cwd=self.path, env=environment, capture_output=True, check=False)  # noqa: S607 - the git of the user
        except FileNotFoundError as error:
            raise ReleaseError("git is not installed") from error
