"""Speaks to a gallery as a browser does, through its public API: `/openapi.json` describes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from smoke.errors import GalleryError, UnreachableError

SHOWN_CHARACTERS = 300
"""So much of a body that is no error of the gallery is shown."""

ADDRESS = "Is the address right and known to DNS, and is this machine let in (web.AllowedCidr)?"
LOGS = "Look at the log of the gallery; docs/operations.md says where it is."
BUCKET = "Look at images.GalleryOrigin in the environment's file, and at the policy and the state of the bucket."
STORAGE = "Is this machine let out to S3? That of a gallery on a laptop is its emulator."
ADVICE = {
    403: "Something in front of the gallery keeps this machine out: look at its firewall (WAF).",
    429: "Something in front of the gallery limits requests: wait a minute and try again.",
    502: "The load balancer gets no answer from an instance: look at the web service's instances.",
    504: "An instance takes too long to answer: look at the web service's instances.",
}


@dataclass(frozen=True)
class Form:
    """What the bucket takes one file with, as the image `id`."""

    id: str
    url: str
    fields: dict[str, str]


class Gallery:
    """A gallery at an address, such as https://photos.example.org."""

    def __init__(self, url: str) -> None:
        """Remember where the gallery is; nothing is sent yet."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=30), retries=False, headers={"User-Agent": "gallery-smoke"}
        )

    def check_ready(self) -> None:
        """Make sure that the gallery can serve people.

        Raises:
            UnreachableError: nothing answers.
            GalleryError: what answers is no gallery, or one that is not ready.
        """
        self._json("GET", "/readyz", unreachable=ADDRESS)

    def version(self) -> str:
        """Return the version that the process tells which answers."""
        return str(self._json("GET", "/healthz").get("version", "none"))

    def ask_form(self, filename: str, content_type: str, size: int) -> Form:
        """Ask for a form for one file of `size` bytes: the first of a browser's three steps."""
        form = self._json("POST", "/api/uploads", filename=filename, content_type=content_type, bytes=size)
        return Form(form["id"], form["url"], form["fields"])

    def send(self, form: Form, filename: str, data: bytes) -> None:
        """Send a file to the bucket from a page of the gallery: the second step.

        Raises:
            GalleryError: the bucket does not take the file, or a browser would not send it: the bucket does not
                allow pages of this origin to (CORS).
        """
        expected = f"the bucket to take {filename} as image {form.id}"
        answer = self._request(
            "POST",
            form.url,
            expected,
            STORAGE,
            headers={"Origin": self._origin},
            fields={**form.fields, "file": (filename, data)},
        )
        if answer.status >= 300:
            raise GalleryError(expected, f"it answers {answer.status}: {_shown(answer)}", BUCKET)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        if allowed not in (self._origin, "*"):
            came = f"it allows pages of {allowed or 'no origin'} to send files, and not of {self._origin}"
            raise GalleryError(expected, came, BUCKET)

    def complete(self, image_id: str) -> None:
        """Tell the gallery that a file was sent: the third step."""
        self._json("PUT", f"/api/images/{image_id}")

    def upload(self, filename: str, content_type: str, data: bytes) -> str:
        """Upload a file in a browser's three steps, and return the id of its image."""
        form = self.ask_form(filename, content_type, len(data))
        self.send(form, filename, data)
        self.complete(form.id)
        return form.id

    def image(self, image_id: str) -> dict[str, Any]:
        """Return what the gallery knows about an image."""
        return self._json("GET", f"/api/images/{image_id}")

    def page(self, path: str) -> str:
        """Return a page as HTML."""
        return self._answer("GET", path).data.decode(errors="replace")

    def delete(self, image_id: str) -> None:
        """Delete an image. Safe to repeat."""
        self._answer("DELETE", f"/api/images/{image_id}", json={})

    def status(self, path_or_url: str) -> int:
        """Return the status with which a path of the gallery, or an address that it gave, is answered."""
        expected = f"an answer of {without_signature(path_or_url)}"
        return self._request("GET", self._absolute(path_or_url), expected, LOGS).status

    def fetch(self, url: str, expected: str) -> bytes:
        """Return what is at an address that the gallery gave, which is expected to be `expected`."""
        answer = self._request("GET", url, expected, STORAGE)
        if answer.status != 200:
            raise GalleryError(expected, f"its address answers {answer.status}: {_shown(answer)}", BUCKET)
        return answer.data

    def _json(self, method: str, path: str, *, unreachable: str = LOGS, **body: object) -> dict[str, Any]:
        answer = self._answer(method, path, unreachable, **({} if method == "GET" else {"json": body}))
        try:
            content = answer.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise GalleryError(
                f"JSON from {method} {self.url}{path}",
                f"it is {_shown(answer)}",
                "Is this the address of a gallery?",
            )
        return content

    def _answer(self, method: str, path: str, unreachable: str = LOGS, **options: Any) -> urllib3.BaseHTTPResponse:
        """Return a successful answer of the gallery; `unreachable` is the advice when there is none."""
        expected = f"{method} {self.url}{path} to succeed"
        answer = self._request(method, self._absolute(path), expected, unreachable, **options)
        if 300 <= answer.status < 400:
            raise self._redirected(expected, answer.headers.get("Location", "nowhere"))
        if answer.status >= 400:
            advice = ADVICE.get(answer.status, LOGS)
            raise GalleryError(expected, f"it answers {answer.status}: {_shown(answer)}", advice)
        return answer

    def _redirected(self, expected: str, location: str) -> GalleryError:
        target = urlsplit(location)
        came = f"it redirects to {target.scheme}://{target.netloc}" if target.netloc else f"it redirects to {location}"
        if target.scheme == "https" and target.hostname == urlsplit(self.url).hostname and self.url.startswith("http:"):
            return GalleryError(expected, came, f"Use https://{target.hostname}.")
        return GalleryError(
            expected,
            came,
            "If that is a login: a gallery behind a login cannot be checked so. Look at it in a browser.",
        )

    def _absolute(self, path_or_url: str) -> str:
        return f"{self.url}{path_or_url}" if path_or_url.startswith("/") else path_or_url

    def _request(
        self, method: str, url: str, expected: str, unreachable: str, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).netloc
        try:
            return self._http.request(method, url, redirect=False, **options)
        except urllib3.exceptions.SSLError as error:
            raise GalleryError(
                expected, f"{host} cannot be spoken to in private: {error}", "Look at its certificate (TLS)."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(expected, f"{host} does not answer: {error}", unreachable) from error


def without_signature(url: str) -> str:
    """Return an address that may be shown: who has the whole of it may see the picture."""
    return url.partition("?")[0]


def _shown(answer: urllib3.BaseHTTPResponse) -> str:
    """Return what an answer says: the gallery's message, that of S3, or the beginning of the text."""
    text = answer.data.decode(errors="replace")
    try:
        content = answer.json()
        return str(content["error"]["message"] if "error" in content else content["reason"])
    except (ValueError, KeyError, TypeError):
        pass
    if found := re.search(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", text, re.DOTALL):
        return f"{found[1]}: {found[2]}"
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:SHOWN_CHARACTERS] or "nothing"
