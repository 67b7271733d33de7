"""Client for a gallery's public API, which `/openapi.json` describes. It sends what a browser sends."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import urllib3

from smoke.errors import GalleryError, UnreachableError

SHOWN_CHARACTERS = 300
"""How much of an unexpected response body an error message shows."""

ADDRESS = "Check the address and its DNS record, and that this machine may connect (web.AllowedCidr)."
LOGS = "Check the gallery's log; docs/operations.md says where it is."
BUCKET = "Check images.GalleryOrigin in the environment file, and the policy and state of the bucket."
STORAGE = "Check that this machine can reach S3; for a gallery on a laptop, S3 is the emulator."
ADVICE = {
    403: "A firewall (WAF) in front of the gallery blocks this machine.",
    429: "A rate limit in front of the gallery applies: wait a minute and try again.",
    502: "The load balancer gets no response from an instance: check the instances of the web service.",
    504: "An instance takes too long to respond: check the instances of the web service.",
}


@dataclass(frozen=True)
class Form:
    """A presigned form that lets one file be uploaded to the bucket as image `id`."""

    id: str
    url: str
    fields: dict[str, str]


class Gallery:
    """A gallery at an address such as https://photos.example.org."""

    def __init__(self, url: str) -> None:
        """Store the address; this sends nothing."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=30), retries=False, headers={"User-Agent": "gallery-smoke"}
        )

    def check_ready(self) -> None:
        """Check that the gallery is ready to serve requests.

        Raises:
            UnreachableError: nothing responds.
            GalleryError: the server is not a gallery, or it is not ready.
        """
        self._json("GET", "/readyz", unreachable=ADDRESS)

    def version(self) -> str:
        """Return the version that the gallery reports."""
        return str(self._json("GET", "/healthz").get("version", "none"))

    def ask_form(self, filename: str, content_type: str, size: int) -> Form:
        """Request a form for one file of `size` bytes: the first of the three upload steps."""
        form = self._json("POST", "/api/uploads", filename=filename, content_type=content_type, bytes=size)
        return Form(form["id"], form["url"], form["fields"])

    def send(self, form: Form, filename: str, data: bytes) -> None:
        """Send a file to the bucket as a page of the gallery does: the second step.

        Raises:
            GalleryError: the bucket rejects the file, or its CORS rules do not allow this origin, so that a browser
                would not send the file.
        """
        expected = f"the bucket to accept {filename} as image {form.id}"
        response = self._post(form, filename, data, expected, Origin=self._origin)
        if response.status >= 300:
            raise GalleryError(expected, f"it responded {response.status}: {_shown(response)}", BUCKET)
        allowed = response.headers.get("Access-Control-Allow-Origin")
        if allowed not in (self._origin, "*"):
            actual = f"it allows uploads from {allowed or 'no origin'}, not from {self._origin}"
            raise GalleryError(expected, actual, BUCKET)

    def complete(self, image_id: str) -> dict[str, Any]:
        """Tell the gallery that a file was sent, and return the image: the third step."""
        return self._json("PUT", f"/api/images/{image_id}")

    def image(self, image_id: str) -> dict[str, Any]:
        """Return an image as the API describes it."""
        return self._json("GET", f"/api/images/{image_id}")

    def page(self, path: str) -> str:
        """Return a page as HTML."""
        return self._successful("GET", path).data.decode(errors="replace")

    def delete(self, image_id: str) -> None:
        """Delete an image. Idempotent."""
        self._successful("DELETE", f"/api/images/{image_id}", json={})

    def status(self, path_or_url: str) -> int:
        """Return the response status of a path of the gallery, or of a URL that the gallery returned."""
        expected = f"a response from {without_signature(path_or_url)}"
        return self._request("GET", self._absolute(path_or_url), expected, LOGS).status

    def fetch(self, url: str, expected: str) -> bytes:
        """Return the content of a URL that the gallery returned; `expected` describes it in error messages."""
        response = self._request("GET", url, expected, STORAGE)
        if response.status != 200:
            raise GalleryError(expected, f"its URL responded {response.status}: {_shown(response)}", BUCKET)
        return response.data

    def _post(self, form: Form, filename: str, data: bytes, expected: str, **headers: str) -> urllib3.BaseHTTPResponse:
        fields = {**form.fields, "file": (filename, data)}
        return self._request("POST", form.url, expected, STORAGE, headers=headers, fields=fields)

    def _json(self, method: str, path: str, *, unreachable: str = LOGS, **body: object) -> dict[str, Any]:
        response = self._successful(method, path, unreachable, **({} if method == "GET" else {"json": body}))
        try:
            content = response.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise GalleryError(
                f"JSON from {method} {self.url}{path}",
                f"it is {_shown(response)}",
                "Check that this is the address of a gallery.",
            )
        return content

    def _successful(self, method: str, path: str, unreachable: str = LOGS, **options: Any) -> urllib3.BaseHTTPResponse:
        """Return a successful response of the gallery; `unreachable` is the advice if the connection fails."""
        expected = f"{method} {self.url}{path} to succeed"
        response = self._request(method, self._absolute(path), expected, unreachable, **options)
        if 300 <= response.status < 400:
            raise self._redirected(expected, response.headers.get("Location", "nowhere"))
        if response.status >= 400:
            advice = ADVICE.get(response.status, LOGS)
            raise GalleryError(expected, f"it responded {response.status}: {_shown(response)}", advice)
        return response

    def _redirected(self, expected: str, location: str) -> GalleryError:
        target = urlsplit(location)
        actual = f"it redirects to {f'{target.scheme}://{target.netloc}' if target.netloc else location}"
        if target.scheme == "https" and target.hostname == urlsplit(self.url).hostname and self.url.startswith("http:"):
            return GalleryError(expected, actual, f"Use https://{target.hostname}.")
        advice = "If it redirects to a login page, the smoke test cannot check this gallery; check it in a browser."
        return GalleryError(expected, actual, advice)

    def _absolute(self, path_or_url: str) -> str:
        return f"{self.url}{path_or_url}" if path_or_url.startswith("/") else path_or_url

    def _request(
        self, method: str, url: str, expected: str, unreachable: str, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        host = urlsplit(url).netloc
        try:
            return self._http.request(method, url, redirect=False, **options)
        except urllib3.exceptions.SSLError as error:
            actual = f"the TLS connection to {host} failed: {error}"
            raise GalleryError(expected, actual, "Check its certificate.") from error
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(expected, f"{host} does not respond: {error}", unreachable) from error


def without_signature(url: str) -> str:
    """Return a URL without its signature, which grants access to the picture."""
    return url.partition("?")[0]


def _shown(response: urllib3.BaseHTTPResponse) -> str:
    """Return the message in a response: that of the gallery, that of S3, or the beginning of the text."""
    text = response.data.decode(errors="replace")
    try:
        content = response.json()
        return str(content["error"]["message"] if "error" in content else content["reason"])
    except (ValueError, KeyError, TypeError):
        pass
    if found := re.search(r"<Code>(.*?)</Code>\s*<Message>(.*?)</Message>", text, re.DOTALL):
        return f"{found[1]}: {found[2]}"
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:SHOWN_CHARACTERS] or "nothing"
