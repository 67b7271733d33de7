"""Runs the workflows of this repository on this machine, with nektos/act, and tells what happened.

A job runs on this host, in a clone of a scratch repository. Real: the workflow files, their expressions, conditions,
outputs, matrices and called workflows, every `run:` step, git. Stood in for: actions (actions/; a used one without a
stand-in is an error), `make` (stand_in_make.py), and GitHub's machines. act ignores which branches and paths start a
workflow, environments, concurrency and permissions: tests of these read the files.

https://nektosact.com/usage/
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from local_cloud import REPOSITORY
from support.git_repository import GitRepository

HERE = Path(__file__).parent
ACT = REPOSITORY / ".venv" / "bin" / "act"
WORKFLOWS = Path(".github", "workflows")
NAME = "octocat/gallery"
RUNNER = "ubuntu-24.04"
SECONDS = 600
TOKEN = "a-token-of-nobody"

INHERITED = re.compile(r"PATH|HOME|LANG|(UV|PIP)_\w+|SSL_CERT_\w+|\w+_proxy|\w+_PROXY")
"""Variables of this machine that jobs see: where programs, packages and certificates are."""


@dataclass(frozen=True)
class Outcome:
    """What a call of make does that is not real.

    `call` is words of the command line, such as `plan ENV=staging`. `files` is what it writes: by a path, or by the
    option (in ARGS) or the variable that names one, such as `--markdown` and `OUTPUTS`.
    """

    call: str
    exit: int = 0
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """The machine of jobs: what make really does there, what it pretends, and who is told when a target is done."""

    outcomes: Sequence[Outcome] = ()
    real: Sequence[str] = ()
    followers: Mapping[str, str] = field(default_factory=dict)
    """Address to post to, by the target."""
    emulator: str = "http://127.0.0.1:9"  # nobody
    """Where the credentials of AWS are valid."""
    github: str = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Job:
    """A job that ran. `name` is as GitHub shows it, such as `Staging / Plan`."""

    name: str
    result: str
    output: str


@dataclass(frozen=True)
class Credentials:
    """What a job asked AWS for."""

    job: str
    role: str
    region: str
    seconds: int


@dataclass(frozen=True)
class Run:
    """What a workflow did; jobs in the order in which they began. A job that is not there was skipped."""

    jobs: tuple[Job, ...]
    calls: tuple[str, ...]
    """Command lines of make, in order."""
    credentials: tuple[Credentials, ...]
    notices: tuple[str, ...]
    summary: str
    artifacts: Path

    @property
    def results(self) -> dict[str, str]:
        """The results of jobs by their names."""
        return {job.name: job.result for job in self.jobs}

    def targets(self, name: str = "") -> list[str]:
        """Return the targets that were made, of an environment if one is named."""
        return [call.split()[0] for call in self.calls if not name or f"ENV={name}" in call.split()]


class Scratch(GitRepository):
    """A repository of its own with the files of this one, and a bare `origin` that it pushes to."""

    def __init__(self, folder: Path, *only: str) -> None:
        """Commit the files that git does not ignore as they are on the disk, or `only` those below these paths."""
        super().__init__(folder / "gallery")
        self.origin = folder / "origin.git"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *only],
            cwd=REPOSITORY,
            capture_output=True,
            check=True,
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, target = REPOSITORY / name, self.path / name
            if source.is_file():  # or it was deleted and that is not committed yet
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        subprocess.run(["git", "init", "--quiet", "--bare", self.origin], check=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", str(self.origin))
        self.commit("Begin")

    def commit(self, message: str) -> str:
        """Commit everything to main and push it; return the commit."""
        commit = super().commit(message)
        self.git("push", "--quiet", "origin", "main")
        self.git("fetch", "--quiet", "--tags", "origin")
        return commit

    def make(self, *words: str) -> str:
        """Run make as a person does in this repository, with the prepared environments; return what it prints."""
        environ = {**inherited(), "STAND_IN": str(self._person())}
        command = [sys.executable, "-IS", str(HERE / "stand_in_make.py"), *words]
        done = subprocess.run(command, cwd=self.path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def _person(self) -> Path:
        folder = self.path.parent / "person"
        folder.mkdir(exist_ok=True)
        targets = re.findall(r"^([a-z-]+):", (self.path / "Makefile").read_text(), re.MULTILINE)
        write_wanted(folder, Runner(real=targets))
        return folder


def run(
    scratch: Scratch,
    workflow: str,
    event_name: str,
    event: Mapping[str, Any],
    folder: Path,
    runner: Runner = Runner(),
    variables: Mapping[str, str] | None = None,
    job: str = "",
) -> Run:
    """Run a workflow for an event.

    Args:
        scratch: what jobs check out.
        workflow: a file of .github/workflows, without .yml.
        event_name: such as `push`.
        event: what GitHub says of it, beside the repository.
            https://docs.github.com/en/webhooks/webhook-events-and-payloads
        folder: an empty one, for records, artifacts and the workspaces of jobs.
        runner: the machine.
        variables: `vars` of GitHub, those of all environments alike: act knows no environments.
        job: the only one to run, after those that it needs.
    """
    file = scratch.path / WORKFLOWS / f"{workflow}.yml"
    (folder / "bin").mkdir(parents=True)
    make = folder / "bin" / "make"
    make.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} -IS {quote(str(HERE / "stand_in_make.py"))} "$@"\n')
    make.chmod(0o755)
    (folder / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    write_wanted(folder, runner)
    payload = folder / "event.json"
    payload.write_text(json.dumps({"repository": {"full_name": NAME, "default_branch": "main"}, **event}))
    settings = {
        "STAND_IN": str(folder),
        "STAND_INS": str(HERE),
        "ORIGIN": str(scratch.origin),
        "EMULATOR": runner.emulator,
        "GITHUB_REPOSITORY": NAME,
        "GITHUB_API_URL": runner.github,
    }
    command: list[str | Path] = [
        *(ACT, event_name, "--json", "--workflows", file, "--eventpath", payload),
        *("--platform", f"{RUNNER}=-self-hosted", "--action-cache-path", folder / "act"),
        *(("--job", job) if job else ()),
        *("--action-offline-mode", "--no-cache-server", "--no-skip-checkout", "--secret", f"GITHUB_TOKEN={TOKEN}"),
        *(word for use in sorted(used_actions(scratch.path)) for word in ("--local-repository", stand_in(use))),
        *(word for item in settings.items() for word in ("--env", "=".join(item))),
        *(word for item in (variables or {}).items() for word in ("--var", "=".join(item))),
    ]
    environ = {**inherited(), "GIT_PAGER": "cat"}
    environ["PATH"] = os.pathsep.join((str(folder / "bin"), environ["PATH"]))
    done = subprocess.run(
        command, cwd=scratch.path, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    lines = list(messages(done.stdout))
    jobs = read_jobs(lines, read_yaml(file))
    assert jobs or not done.returncode, done.stdout + done.stderr
    return Run(
        jobs=jobs,
        calls=tuple(" ".join(words) for words in records(folder / "calls")),
        credentials=tuple(Credentials(**asked) for asked in records(folder / "credentials")),
        notices=tuple(line["arg"] for line in lines if line.get("command") == "notice"),
        summary="".join(line["content"] for line in lines if line.get("command") == "summary"),
        artifacts=folder / "artifacts",
    )


def inherited() -> dict[str, str]:
    """Return what a job sees of this machine's environment."""
    return {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}


def write_wanted(folder: Path, runner: Runner) -> None:
    """Write down what make is to do."""
    wanted = {
        "outcomes": [asdict(outcome) for outcome in runner.outcomes],
        "real": list(runner.real),
        "followers": dict(runner.followers),
        "make": shutil.which("make"),
        "checkout": str(REPOSITORY),
        "environments": [".venv", *(f".local/venv/{path.name}" for path in (REPOSITORY / ".local/venv").iterdir())],
    }
    (folder / "wanted.json").write_text(json.dumps(wanted))


def read_workflows(repository: Path) -> dict[str, Any]:
    """Return the workflows of a repository by their names; each scalar is a text."""
    return {file.stem: read_yaml(file) for file in sorted((repository / WORKFLOWS).glob("*.yml"))}


def read_yaml(file: Path) -> Any:
    """Read a workflow; YAML would take the key `on` for a truth value."""
    return yaml.load(file.read_text(), yaml.BaseLoader)


def used_actions(repository: Path) -> set[str]:
    """Return the actions of others that workflows use, as `owner/name@commit`."""

    def uses(item: Any) -> Iterator[str]:
        if isinstance(item, dict):
            if isinstance(item.get("uses"), str):
                yield item["uses"]
            item = list(item.values())
        if isinstance(item, list):
            for one in item:
                yield from uses(one)

    return {use for use in uses(read_workflows(repository)) if not use.startswith("./")}


def stand_in(use: str) -> str:
    """Return what act is told about an action: where its stand-in is."""
    name, _, commit = use.partition("@")
    repository = "/".join(name.split("/")[:2])
    folder = HERE / "actions" / name
    assert (folder / "action.yml").is_file(), f"there is no stand-in for {name}"
    return f"{repository}@{commit}={HERE / 'actions' / repository}"


def messages(output: str) -> Iterator[dict[str, Any]]:
    """Yield what act says, without what is no JSON."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def records(file: Path) -> list[Any]:
    """Return what was noted, a line each."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def read_jobs(lines: Sequence[Mapping[str, Any]], workflow: Mapping[str, Any]) -> tuple[Job, ...]:
    """Tell jobs from what act says of each; it names a called one `caller/workflow/job`, another one `workflow/job`.

    It adds a number to those of a matrix, and blanks so that all names are of one length.
    """
    callers = {job.get("name", name) for name, job in workflow["jobs"].items() if "uses" in job}
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        if "jobID" not in line:
            continue
        first, *_, last = line["job"].split("/")
        own = re.sub(r"-\d+$", "", last.strip()) if line["matrix"] else last.strip()
        name = f"{first} / {own}" if first in callers else own
        job = found.setdefault(name, {"result": "", "output": ""})
        job["result"] = line.get("jobResult", job["result"])
        if line.get("raw_output"):
            job["output"] += line["msg"]
        elif line["level"] == "error":
            job["output"] += f"{line['msg']}\n"
    return tuple(Job(name, **job) for name, job in found.items())
