"""A loopback server that speaks the parts of GitHub's REST API that comments, issues and labels need.

It checks requests as GitHub does and keeps what was made, so that a test sees what people would see.
https://docs.github.com/en/rest/issues
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

BOT = "github-actions[bot]"
LONGEST_BODY = 65_536
MOST_PER_PAGE = 100


@dataclass(frozen=True)
class Reply:
    """An answer: a status, what stands in JSON, and headers."""

    status: int
    content: Any
    headers: tuple[tuple[str, str], ...] = ()


DROP = Reply(0, None)
"""The connection is closed without an answer, after the request was carried out."""


def refusal(status: int, message: str, *headers: tuple[str, str], errors: tuple[dict[str, str], ...] = ()) -> Reply:
    """Return an error as GitHub words it."""
    return Reply(status, {"message": message, **({"errors": errors} if errors else {})}, headers)


class _RefusedError(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass
class GitHubServer:
    """One repository, in a thread of its own; use it in a `with` statement.

    `permissions` are those of the token; pull requests are issues with a key `pull_request`.
    """

    repository: str = "owner/photos"
    token: str = "token-of-the-tests"
    permissions: set[str] = field(default_factory=lambda: {"issues", "pull_requests"})
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._replies: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def environ(self) -> dict[str, str]:
        """Return the variables by which a job finds this server."""
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": self.repository, "GITHUB_TOKEN": self.token}

    def reply(self, *replies: Reply) -> None:
        """Line up replies to the next requests, which are not carried out, except for DROP."""
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
        """Return what the comments of an issue or a pull request say, in order."""
        return [comment["body"] for comment in self.comments.values() if comment["issue"] == number]

    def respond(self, method: str, path: str, authorization: str, body: bytes) -> Reply:
        """Check and carry out a request, and return the reply."""
        with self._lock:
            parts = urlsplit(path)
            self.requests.append((method, parts.path))
            lined_up = self._replies.popleft() if self._replies else None
            if lined_up is not None and lined_up is not DROP:
                return lined_up
            try:
                if authorization != f"Bearer {self.token}":
                    raise _RefusedError(refusal(401, "Bad credentials"))
                found = re.fullmatch(rf"/(?:repos/{re.escape(self.repository)}|repositories/1)/(.+)", parts.path)
                if not found:
                    raise _RefusedError(_NOT_FOUND)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                done = self._carry_out(method, found[1], query, json.loads(body) if body else {})
            except _RefusedError as error:
                return error.reply
            return lined_up or done

    def _carry_out(self, method: str, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        for expected, pattern, act in (
            ("GET", r"issues", self._list_issues),
            ("POST", r"issues", self._create_issue),
            ("PATCH", r"issues/(\d+)", self._edit_issue),
            ("GET", r"issues/(\d+)/comments", self._list_comments),
            ("POST", r"issues/(\d+)/comments", self._create_comment),
            ("PATCH", r"issues/comments/(\d+)", self._edit_comment),
            ("GET", r"labels/([^/]+)", self._label),
            ("POST", r"labels", self._create_label),
        ):
            if method == expected and (found := re.fullmatch(pattern, path)):
                return act(*found.groups(), path=path, query=query, content=content)
        return _NOT_FOUND

    def _list_issues(self, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues", "pull_requests")
        wanted = {query["labels"]} if "labels" in query else set()
        found = [
            issue
            for issue in self.issues.values()
            if issue["state"] == query.get("state", "open") and wanted <= {label["name"] for label in issue["labels"]}
        ]
        return self._page(path, query, found if query.get("direction") == "asc" else found[::-1])

    def _create_issue(self, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues")
        if not content.get("title"):
            raise _RefusedError(
                refusal(422, "Validation Failed", errors=({"field": "title", "code": "missing_field"},))
            )
        self._check_body("Issue", content)
        known = [label for label in content.get("labels", []) if label in self.labels]  # others are dropped in silence
        return Reply(201, self.issues[self.open_issue(content["title"], content.get("body", ""), *known)])

    def _edit_issue(self, number: str, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues")
        self._check_body("Issue", content)
        issue = self._find(self.issues, number)
        issue |= content
        return Reply(200, issue)

    def _list_comments(self, number: str, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues", "pull_requests")
        self._find(self.issues, number)
        return self._page(path, query, [found for found in self.comments.values() if found["issue"] == int(number)])

    def _create_comment(self, number: str, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues", "pull_requests")
        self._find(self.issues, number)
        self._check_body("IssueComment", content)
        return Reply(201, self.comment(int(number), content["body"]))

    def _edit_comment(self, comment: str, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues", "pull_requests")
        self._check_body("IssueComment", content)
        found = self._find(self.comments, comment)
        found |= content
        return Reply(200, found)

    def _label(self, name: str, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues", "pull_requests")
        return Reply(200, {"name": unquote(name)}) if unquote(name) in self.labels else _NOT_FOUND

    def _create_label(self, *, path: str, query: dict[str, str], content: dict[str, Any]) -> Reply:
        self._need("issues")
        if content["name"] in self.labels:
            raise _RefusedError(refusal(422, "Validation Failed", errors=({"code": "already_exists"},)))
        self.labels.add(content["name"])
        return Reply(201, content)

    def _need(self, *permissions: str) -> None:
        if not self.permissions.intersection(permissions):
            accepted = "; ".join(f"{permission}=write" for permission in permissions)
            header = ("X-Accepted-GitHub-Permissions", accepted)
            raise _RefusedError(refusal(403, "Resource not accessible by integration", header))

    def _find(self, things: dict[int, dict[str, Any]], number: str) -> dict[str, Any]:
        if int(number) not in things:
            raise _RefusedError(_NOT_FOUND)
        return things[int(number)]

    def _check_body(self, resource: str, content: dict[str, Any]) -> None:
        if len(content.get("body", "")) > LONGEST_BODY:
            message = f"Body is too long (maximum is {LONGEST_BODY} characters)"
            error = {"resource": resource, "code": "unprocessable", "field": "data", "message": message}
            raise _RefusedError(refusal(422, "Validation Failed", errors=(error,)))

    def _page(self, path: str, query: dict[str, str], found: list[dict[str, Any]]) -> Reply:
        size, page = min(int(query.get("per_page", "30")), MOST_PER_PAGE), int(query.get("page", "1"))
        following = f"{self.url}/repositories/1/{path}?{urlencode({**query, 'page': page + 1})}"
        headers = (("Link", f'<{following}>; rel="next", <{following}>; rel="last"'),)
        return Reply(200, found[(page - 1) * size : page * size], headers if len(found) > page * size else ())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                reply = server.respond(self.command, self.path, self.headers.get("Authorization", ""), body)
                if reply is DROP:
                    self.close_connection = True
                    return
                content = json.dumps(reply.content).encode()
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - names of http.server

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler


_NOT_FOUND = refusal(404, "Not Found")
