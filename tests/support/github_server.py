"""A loopback server with the parts of GitHub's REST API that comments, issues and labels need.

It validates requests as GitHub does, and keeps what they create.
https://docs.github.com/en/rest/issues
"""

import itertools
import socket
from collections import deque
from contextlib import ExitStack
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, abort, after_this_request, make_response, request
from werkzeug.exceptions import NotFound
from werkzeug.serving import WSGIRequestHandler, make_server

from support.http_server import running

BOT = "github-actions[bot]"
LONGEST_BODY = 65_536
MOST_PER_PAGE = 100


class Reply(NamedTuple):
    """A response, as views of Flask return it."""

    content: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


DROP = Reply(None, 0)
"""The connection is closed without a response, after the request was carried out."""


def refusal(status: int, message: str, *headers: tuple[str, str], errors: tuple[dict[str, str], ...] = ()) -> Reply:
    """Return an error in GitHub's format."""
    return Reply({"message": message, **({"errors": errors} if errors else {})}, status, headers)


class GitHubServer(ExitStack):
    """A server with one repository, in a thread of its own; use it in a `with` statement.

    `permissions` are those of the token, `requests` the method and the path of every request. Pull requests are issues
    with a key `pull_request`.
    """

    def __init__(self, repository: str = "owner/photos", token: str = "token-of-the-tests") -> None:
        """Choose the name of the repository and the valid token."""
        super().__init__()
        self.repository, self.token = repository, token
        self.permissions = {"issues", "pull_requests"}
        self.issues: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, dict[str, Any]] = {}
        self.labels: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)
        self._replies: deque[Reply] = deque()
        self._server = make_server("127.0.0.1", 0, self._app(), request_handler=_SilentHandler)
        self.url = f"http://127.0.0.1:{self._server.port}"

    def __enter__(self) -> Self:
        self.enter_context(running(self._server))
        return self

    def environ(self) -> dict[str, str]:
        """Return the variables by which a job finds this server."""
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": self.repository, "GITHUB_TOKEN": self.token}

    def reply(self, *replies: Reply) -> None:
        """Script the replies to the next requests, which are not carried out, except for DROP."""
        self._replies.extend(replies)

    def open_issue(self, title: str = "", body: str = "", *labels: str, user: str = BOT) -> int:
        """Open an issue and return its number."""
        number = next(self._numbers)
        self.labels.update(labels)
        self.issues[number] = {
            "number": number,
            "html_url": f"https://github.com/{self.repository}/issues/{number}",
            "title": title,
            "body": body,
            "state": "open",
            "labels": [{"name": label} for label in labels],
            "user": {"login": user},
        }
        return number

    def open_pull_request(self, *labels: str) -> int:
        """Open a pull request and return its number."""
        number = self.open_issue("A pull request", "", *labels, user="somebody")
        self.issues[number]["pull_request"] = {}
        return number

    def comment(self, number: int, body: str, user: str = BOT) -> dict[str, Any]:
        """Comment on an issue or a pull request."""
        comment = next(self._numbers)
        self.comments[comment] = {
            "id": comment,
            "issue": number,
            "html_url": f"https://github.com/{self.repository}/issues/{number}#issuecomment-{comment}",
            "body": body,
            "user": {"login": user},
        }
        return self.comments[comment]

    def bodies(self, number: int) -> list[str]:
        """Return the comments of an issue or a pull request, in order."""
        return [comment["body"] for comment in self.comments.values() if comment["issue"] == number]

    def _app(self) -> Flask:
        app, api = Flask(__name__), Blueprint("api", __name__)
        api.get("/issues")(self._list_issues)
        api.post("/issues")(self._create_issue)
        api.patch("/issues/<int:number>")(self._edit_issue)
        api.get("/issues/<int:number>/comments")(self._list_comments)
        api.post("/issues/<int:number>/comments")(self._create_comment)
        api.patch("/issues/comments/<int:number>")(self._edit_comment)
        api.get("/labels/<name>")(self._get_label)
        api.post("/labels")(self._create_label)
        app.register_blueprint(api, url_prefix=f"/repos/{self.repository}")
        app.register_blueprint(api, url_prefix="/repositories/1", name="by_id")
        app.register_error_handler(NotFound, lambda _: refusal(404, "Not Found"))
        app.before_request(self._before)
        return app

    def _before(self) -> Reply | None:
        self.requests.append((request.method, request.path))
        scripted = self._replies.popleft() if self._replies else None
        if scripted is not None and scripted is not DROP:
            return scripted
        if scripted is DROP:
            after_this_request(_drop)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return refusal(401, "Bad credentials")
        return None

    def _list_issues(self) -> Reply:
        self._need("issues", "pull_requests")
        wanted = set(request.args.getlist("labels"))
        found = [
            issue
            for issue in self.issues.values()
            if issue["state"] == request.args.get("state", "open")
            and wanted <= {label["name"] for label in issue["labels"]}
        ]
        return self._page(found if request.args.get("direction") == "asc" else found[::-1])

    def _create_issue(self) -> Reply:
        self._need("issues")
        content = _content("Issue")
        if not content.get("title"):
            _refuse(422, "Validation Failed", errors=({"field": "title", "code": "missing_field"},))
        known = [label for label in content.get("labels", []) if label in self.labels]  # GitHub drops unknown ones
        return Reply(self.issues[self.open_issue(content["title"], content.get("body", ""), *known)], 201)

    def _edit_issue(self, number: int) -> Reply:
        self._need("issues")
        return _edit("Issue", self.issues, number)

    def _list_comments(self, number: int) -> Reply:
        self._need("issues", "pull_requests")
        _find(self.issues, number)
        return self._page([comment for comment in self.comments.values() if comment["issue"] == number])

    def _create_comment(self, number: int) -> Reply:
        self._need("issues", "pull_requests")
        _find(self.issues, number)
        return Reply(self.comment(number, _content("IssueComment")["body"]), 201)

    def _edit_comment(self, number: int) -> Reply:
        self._need("issues", "pull_requests")
        return _edit("IssueComment", self.comments, number)

    def _get_label(self, name: str) -> Reply:
        self._need("issues", "pull_requests")
        return Reply({"name": name}) if name in self.labels else abort(404)

    def _create_label(self) -> Reply:
        self._need("issues")
        content = _content("Label")
        if content["name"] in self.labels:
            _refuse(422, "Validation Failed", errors=({"code": "already_exists"},))
        self.labels.add(content["name"])
        return Reply(content, 201)

    def _need(self, *permissions: str) -> None:
        if not self.permissions.intersection(permissions):
            accepted = "; ".join(f"{permission}=write" for permission in permissions)
            _refuse(403, "Resource not accessible by integration", ("X-Accepted-GitHub-Permissions", accepted))

    def _page(self, found: list[dict[str, Any]]) -> Reply:
        size, page = min(int(request.args.get("per_page", "30")), MOST_PER_PAGE), int(request.args.get("page", "1"))
        path = request.path.replace(f"/repos/{self.repository}/", "/repositories/1/")
        following = f"{self.url}{path}?{urlencode({**request.args, 'page': page + 1})}"
        headers = (("Link", f'<{following}>; rel="next", <{following}>; rel="last"'),)
        return Reply(found[(page - 1) * size : page * size], 200, headers if len(found) > page * size else ())


class _SilentHandler(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        pass


def _drop(response: Response) -> Response:
    """Close the connection; the server then fails to send the response."""
    request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return response


def _refuse(status: int, message: str, *headers: tuple[str, str], errors: tuple[dict[str, str], ...] = ()) -> None:
    abort(make_response(refusal(status, message, *headers, errors=errors)))


def _find(things: dict[int, dict[str, Any]], number: int) -> dict[str, Any]:
    return things[number] if number in things else abort(404)


def _content(resource: str) -> dict[str, Any]:
    """Return the JSON of the request."""
    content: dict[str, Any] = request.get_json()
    if len(content.get("body", "")) > LONGEST_BODY:
        message = f"Body is too long (maximum is {LONGEST_BODY} characters)"
        error = {"resource": resource, "code": "unprocessable", "field": "data", "message": message}
        _refuse(422, "Validation Failed", errors=(error,))
    return content


def _edit(resource: str, things: dict[int, dict[str, Any]], number: int) -> Reply:
    found = _find(things, number)
    found |= _content(resource)
    return Reply(found)
