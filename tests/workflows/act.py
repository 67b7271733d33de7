"""Runs the workflows of this repository on this machine with nektos/act, and returns what they did.

A job runs on this host, in a clone of a scratch repository. Real are the workflow files with their expressions,
conditions, outputs, matrices and called workflows, every `run:` step, and git. Stand-ins replace actions (actions/; a
missing stand-in is an error), `make` (stand_in_make.py), and GitHub's machines. act ignores branch and path filters,
environments, concurrency and permissions, so tests of these read the files.

https://nektosact.com/usage/
"""

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

from environments.environment import ENVIRONMENTS, REPOSITORY
from support.git_repository import GitRepository

HERE = Path(__file__).parent
ACT = REPOSITORY / ".venv" / "bin" / "act"
WORKFLOWS = Path(".github", "workflows")
NAME = "octocat/gallery"
RUNNER = "ubuntu-24.04"
SECONDS = 600
TOKEN = "a-test-token"

INHERITED = re.compile(r"PATH|HOME|LANG|(UV|PIP)_\w+|SSL_CERT_\w+|\w+_proxy|\w+_PROXY")
"""This machine's variables that jobs inherit: the places of programs, packages and certificates."""


@dataclass(frozen=True)
class Outcome:
    """The simulated result of a call of make.

    `call` has words of the command line, such as `plan ENV=staging`. `files` has the contents to write, by path, or by
    the option (in ARGS) or variable that contains the path, such as `--markdown` and `OUTPUTS`.
    """

    call: str
    exit: int = 0
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """The machine of jobs: which targets make runs or simulates there, and who is notified afterwards."""

    outcomes: Sequence[Outcome] = ()
    real: Sequence[str] = ()
    followers: Mapping[str, str] = field(default_factory=dict)
    """A URL to post to after a target, by target."""
    emulator: str = "http://127.0.0.1:9"  # unused
    """The AWS endpoint of jobs with credentials."""
    github: str = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Job:
    """A job that ran. `name` is the one that GitHub shows, such as `Staging / Plan`."""

    name: str
    result: str
    output: str


@dataclass(frozen=True)
class Credentials:
    """The credentials that a job requested from AWS."""

    job: str
    role: str


@dataclass(frozen=True)
class Run:
    """What a workflow did; jobs are in order of their start. Skipped jobs are missing."""

    jobs: tuple[Job, ...]
    calls: tuple[str, ...]
    """Command lines of make, in order."""
    credentials: tuple[Credentials, ...]
    notices: tuple[str, ...]
    summary: str
    artifacts: Path

    @property
    def results(self) -> dict[str, str]:
        """The results of jobs by name."""
        return {job.name: job.result for job in self.jobs}

    def targets(self, name: str = "") -> list[str]:
        """Return the targets made, optionally only those for one environment."""
        return [call.split()[0] for call in self.calls if not name or f"ENV={name}" in call.split()]


class Scratch(GitRepository):
    """A copy of this repository without its history, and a bare `origin` to which it pushes."""

    def __init__(self, folder: Path, *only: str) -> None:
        """Commit the working tree's files except ignored ones, or `only` those below these paths."""
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
            if source.is_file():  # else its deletion is not committed yet
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
        """Run make as a developer does, with this repository's prepared environments; return its output."""
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
        scratch: the repository that jobs check out.
        workflow: a file of .github/workflows, without .yml.
        event_name: such as `push`.
        event: its payload, without the repository.
            https://docs.github.com/en/webhooks/webhook-events-and-payloads
        folder: an empty folder for records, artifacts and the workspaces of jobs.
        runner: the machine of jobs.
        variables: GitHub's `vars`, the same for all environments, because act does not support environments.
        job: run only this job and those that it needs.
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
    """Return the environment variables that a job inherits."""
    return {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}


def write_wanted(folder: Path, runner: Runner) -> None:
    """Write the instructions for stand_in_make.py."""
    wanted = {
        "outcomes": [asdict(outcome) for outcome in runner.outcomes],
        "real": list(runner.real),
        "followers": dict(runner.followers),
        "make": shutil.which("make"),
        "checkout": str(REPOSITORY),
        "environments": [folder for folder in ENVIRONMENTS if folder != ".local/venv/tools"],
    }
    (folder / "wanted.json").write_text(json.dumps(wanted))


def read_workflows(repository: Path) -> dict[str, Any]:
    """Return the workflows of a repository by name; each scalar is a string."""
    return {file.stem: read_yaml(file) for file in sorted((repository / WORKFLOWS).glob("*.yml"))}


def read_yaml(file: Path) -> Any:
    """Read a workflow; the base loader keeps YAML from turning the key `on` into a boolean."""
    return yaml.load(file.read_text(), yaml.BaseLoader)


def used_actions(repository: Path) -> set[str]:
    """Return the external actions that workflows use, as `owner/name@commit`."""

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
    """Return act's option that replaces an action by its stand-in."""
    name, _, commit = use.partition("@")
    repository = "/".join(name.split("/")[:2])
    folder = HERE / "actions" / name
    assert (folder / "action.yml").is_file(), f"no stand-in for {name}"
    return f"{repository}@{commit}={HERE / 'actions' / repository}"


def messages(output: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON messages of act, without other output."""
    for line in output.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def records(file: Path) -> list[Any]:
    """Return the records in a file with one JSON document a line."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def read_jobs(lines: Sequence[Mapping[str, Any]], workflow: Mapping[str, Any]) -> tuple[Job, ...]:
    """Return the jobs in act's messages, which name them `workflow/job`, or `caller/workflow/job` if called.

    act appends a number to the jobs of a matrix, and pads all names to the same length.
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
