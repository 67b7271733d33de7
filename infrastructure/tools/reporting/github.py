"""The parts of GitHub's REST API that comments and issues need.

https://docs.github.com/en/rest/using-the-rest-api
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlencode

import urllib3

from reporting.errors import ReportingError

AUTHOR = "github-actions[bot]"
"""The user of workflow tokens. A token cannot request its own user (GET /user is forbidden)."""

BACKOFF_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60
ATTEMPTS = 5

# After these failures GitHub may have carried out the request, so a POST is not repeated: it would create a duplicate.
_REPEATABLE_FAILURES = (429, 500, 502, 503, 504)
_REFUSED_FOR_NOW = (429,)

_ADVISE_ENV = "set env GITHUB_TOKEN: ${{ github.token }} in the step"
_ADVICE: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: f"GITHUB_TOKEN is wrong or has expired; {_ADVISE_ENV}",
    HTTPStatus.NOT_FOUND: "it does not exist, or the token has no access to it",
    HTTPStatus.GONE: "issues are disabled in the settings of the repository",
}


@dataclass(frozen=True)
class Settings:
    """The repository and the token; `run_url` is the address of the logs of this run."""

    api_url: str
    repository: str
    token: str = field(repr=False)
    run_url: str | None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the variables of a job.

        https://docs.github.com/en/actions/reference/workflows-and-actions/variables

        Raises:
            ReportingError: a variable is missing or invalid.
        """
        repository = environ.get("GITHUB_REPOSITORY", "")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise ReportingError(f"GITHUB_REPOSITORY must be owner/name, not {repository!r}")
        if not environ.get("GITHUB_TOKEN"):
            raise ReportingError(f"GITHUB_TOKEN is missing; {_ADVISE_ENV}")
        run = environ.get("GITHUB_RUN_ID")
        return cls(
            environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
            repository,
            environ["GITHUB_TOKEN"],
            f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}/actions/runs/{run}"
            if run
            else None,
        )


class GitHub:
    """One repository; paths are those below it, such as `issues/12/comments`.

    Every method raises ReportingError if GitHub is unreachable or rejects the request.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare requests; nothing is sent yet."""
        self._api_url = settings.api_url
        self._base = f"{settings.api_url}/repos/{settings.repository}/"
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=30),
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {settings.token}",
                "User-Agent": "image-annotation",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )

    def list(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page."""
        url: str | None = f"{self._base}{path}?{urlencode({**query, 'per_page': '100'})}"
        while url:
            response = self._request("GET", url)
            yield from self._content(response)
            following = re.search(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
            url = following[1] if following else None

    def exists(self, path: str) -> bool:
        """Tell whether a path exists."""
        return self._request("GET", self._base + path, accepted=(HTTPStatus.NOT_FOUND,)).status == HTTPStatus.OK

    def create(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        """Create an item of a list, and return it."""
        return self._object(self._request("POST", self._base + path, content))

    def edit(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        """Edit an item, and return it."""
        return self._object(self._request("PATCH", self._base + path, content))

    def update(self, path: str, found: Mapping[str, Any], body: str) -> str:
        """Edit the body of a comment or an issue unless it is the same, and return what was done."""
        if found["body"] == body:
            return f"unchanged: {found['html_url']}"
        self.edit(path, {"body": body})
        return f"updated: {found['html_url']}"

    def _request(
        self, method: str, url: str, content: Mapping[str, object] | None = None, accepted: tuple[int, ...] = ()
    ) -> urllib3.BaseHTTPResponse:
        if not url.startswith(f"{self._api_url}/"):  # never send the token to another server
            raise ReportingError(f"GitHub at {self._api_url} names {url} as the next page; check GITHUB_API_URL")
        repeatable = method != "POST"
        retries = urllib3.Retry(
            ATTEMPTS - 1,
            read=None if repeatable else 0,
            status_forcelist=_REPEATABLE_FAILURES if repeatable else _REFUSED_FOR_NOW,
            allowed_methods=None,
            raise_on_status=False,
            backoff_factor=BACKOFF_SECONDS,
            retry_after_max=LONGEST_WAIT_SECONDS,
        )
        try:
            response = self._http.request(method, url, json=content, retries=retries, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise ReportingError(f"GitHub is unreachable: {error}") from error
        if not 200 <= response.status < 300 and response.status not in accepted:
            raise ReportingError(f"GitHub rejected {method} {url}: {_reason(response)}")
        return response

    def _content(self, response: urllib3.BaseHTTPResponse) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise ReportingError(f"{self._api_url} does not answer in JSON; check GITHUB_API_URL") from error

    def _object(self, response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
        return dict(self._content(response))


def _reason(response: urllib3.BaseHTTPResponse) -> str:
    """Return GitHub's reason, and advice."""
    try:
        content = response.json()
        details = [str(error.get("message") or error) for error in content.get("errors", [])]
        message = ", ".join([content["message"], *details])
    except (ValueError, KeyError, TypeError, AttributeError):
        message = response.reason or ""
    # https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
    needed = response.headers.get("X-Accepted-GitHub-Permissions") if response.status == HTTPStatus.FORBIDDEN else None
    advice = f"the job needs these permissions: {needed}" if needed else _ADVICE.get(response.status)
    return f"{response.status} {message}" + (f"; {advice}" if advice else "")
