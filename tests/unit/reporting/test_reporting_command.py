"""`python -m reporting`: files in, GitHub out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import reporting.__main__ as command_line
from support.github_server import GitHubServer

Run = Callable[..., int]


@pytest.fixture
def run(server: GitHubServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command as a job does."""
    for name, value in {**server.environ(), "GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.com"}.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["reporting", *map(str, arguments)])
        try:
            return command_line.main()
        except SystemExit as stopped:
            return int(stopped.code or 0)

    return run


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_files_become_a_comment(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    number = server.open_pull_request()
    files = [write(tmp_path / f"{name}.md", f"### {name}\n") for name in ("staging", "production")]
    assert run("comment", "--pull-request", number, *files) == 0
    (text,) = server.bodies(number)
    assert text.endswith(
        "[The run](https://github.com/owner/photos/actions/runs/7) has the logs.\n\n### staging\n\n### production"
    )


def test_empty_files_close_the_issue(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    for text in ("drifted", "\n"):
        files = [write(tmp_path / "staging.md", text), write(tmp_path / "production.md", "")]
        assert run("issue", "--title", "Changed by hand", "--label", "drift", *files) == 0
    assert [issue["state"] for issue in server.issues.values()] == ["closed"]


def test_a_missing_file_is_no_good_news(
    server: GitHubServer, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / "staging.md", ""), tmp_path / "production.md"]
    assert run("issue", "--title", "Changed by hand", "--label", "drift", *files) == 1
    assert "production.md; the jobs that write them say why" in capsys.readouterr().err
    (issue,) = server.issues.values()
    assert "### `production`\n\n**Nothing is known: the job ended before it could say." in issue["body"]


def test_what_github_refuses_is_a_sentence(
    server: GitHubServer, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("comment", "--pull-request", 99, write(tmp_path / "staging.md", "plan")) == 1
    told = capsys.readouterr()
    assert told.err.startswith("reporting: GitHub refuses GET ")
    assert server.token not in told.out + told.err


@pytest.mark.parametrize("content", [b"\xff", None])
def test_a_file_that_cannot_be_read_is_a_sentence(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "staging.md"
    path.mkdir() if content is None else path.write_bytes(content)
    assert run("comment", "--pull-request", 1, path) == 1
    assert "staging.md cannot be read" in capsys.readouterr().err


def test_wrong_usage_is_exit_code_2(run: Run) -> None:
    assert run("comment", "--pull-request", "twelve", "x.md") == 2
    assert run("comment", "--pull-request", "12") == 2
