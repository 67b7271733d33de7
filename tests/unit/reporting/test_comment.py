"""The pipeline's comment on a pull request."""

from reporting.comment import write_comment
from reporting.github import GitHub
from support.github_server import GitHubServer


def test_a_comment_has_its_sections_below_a_hidden_marker(server: GitHubServer, github: GitHub, number: int) -> None:
    done = write_comment(github, number, ["### staging", "### production"], "https://github.com/run")
    assert done.startswith("created: https://")
    assert server.bodies(number) == [
        "<!-- image-annotation: the comment of the pipeline -->\n\n## Planned changes\n\n"
        "[Logs of the run](https://github.com/run)\n\n### staging\n\n### production"
    ]


def test_a_comment_is_updated(server: GitHubServer, github: GitHub, number: int) -> None:
    write_comment(github, number, ["old"], None)
    for _ in range(120):
        server.comment(number, "a discussion", user="somebody")
    assert write_comment(github, number, ["new"], None).startswith("updated: ")
    assert server.bodies(number)[0].endswith("new")
    assert len(server.bodies(number)) == 121


def test_an_unchanged_comment_is_not_edited(server: GitHubServer, github: GitHub, number: int) -> None:
    write_comment(github, number, ["same"], None)
    assert write_comment(github, number, ["same"], None).startswith("unchanged: ")
    assert "PATCH" not in [method for method, _ in server.requests]


def test_comments_of_others_are_not_edited(server: GitHubServer, github: GitHub, number: int) -> None:
    write_comment(github, number, ["plan"], None)
    (text,) = server.bodies(number)
    other = server.open_pull_request()
    server.comment(other, text, user="somebody")  # copied the marker
    server.comment(other, f"> {text}")  # another workflow that quotes it
    server.comment(other, "")
    assert write_comment(github, other, ["plan"], None).startswith("created: ")
    assert server.bodies(other) == [text, f"> {text}", "", text]


def test_a_comment_does_not_exceed_the_limit_of_github(server: GitHubServer, github: GitHub, number: int) -> None:
    write_comment(github, number, ["x" * 30_000, "y" * 30_000, "z" * 30_000, "the last"], None)
    (text,) = server.bodies(number)
    assert text.endswith("y\n\n**A section does not fit here; see the log of its job.**\n\nthe last")
