"""The `reporting` command: files become a comment or an issue on GitHub."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reporting.__main__ import main
from support.github_server import GitHubServer

Run = Callable[..., Result]


@pytest.fixture
def run(server: GitHubServer) -> Run:
    """Run the command as a job does, and check its exit code."""
    environ = {**server.environ(), "GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://github.com"}

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner(env=environ).invoke(main, list(map(str, arguments)))
        assert result.exit_code == code, result.output
        return result

    return run


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_files_become_a_comment(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    number = server.open_pull_request()
    files = [write(tmp_path / f"{name}.md", f"### {name}\n") for name in ("staging", "production")]
    run("comment", "--pull-request", number, *files)
    (text,) = server.bodies(number)
    assert text.endswith(
        "[Logs of the run](https://github.com/owner/photos/actions/runs/7)\n\n### staging\n\n### production"
    )


def test_empty_files_close_the_issue(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    for text in ("drifted", "\n"):
        files = [write(tmp_path / "staging.md", text), write(tmp_path / "production.md", "")]
        run("issue", "--title", "Changed by hand", "--label", "drift", *files)
    assert [issue["state"] for issue in server.issues.values()] == ["closed"]


def test_a_missing_file_is_reported(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    files = [write(tmp_path / "staging.md", ""), tmp_path / "production.md"]
    result = run("issue", "--title", "Changed by hand", "--label", "drift", *files, code=1)
    assert "production.md; see the logs of the jobs" in result.stderr
    (issue,) = server.issues.values()
    assert "### `production`\n\n**No result: the job ended before it wrote one." in issue["body"]


def test_a_rejection_of_github_is_reported(server: GitHubServer, run: Run, tmp_path: Path) -> None:
    result = run("comment", "--pull-request", 99, write(tmp_path / "staging.md", "plan"), code=1)
    assert result.stderr.startswith("reporting: GitHub rejected GET ")
    assert server.token not in result.output


@pytest.mark.parametrize("content", [b"\xff", None])
def test_an_unreadable_file_is_reported(run: Run, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "staging.md"
    path.mkdir() if content is None else path.write_bytes(content)
    assert "staging.md cannot be read" in run("comment", "--pull-request", 1, path, code=1).stderr


def test_wrong_usage_exits_with_2(run: Run) -> None:
    run("comment", "--pull-request", "twelve", "x.md", code=2)
    run("comment", "--pull-request", "12", code=2)
