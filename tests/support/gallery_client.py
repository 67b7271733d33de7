"""The smoke test's client, extended by what only tests do."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import urllib3

from smoke.gallery import Form, Gallery
from support.waiting import wait_until

COUNTED_SECONDS = 180


def settled(image: dict[str, Any]) -> bool:
    """Return whether neither part of an image is pending."""
    return "pending" not in (image["thumbnail"]["status"], image["annotation"]["status"])


class GalleryClient(Gallery):
    """Client for a running gallery."""

    def __init__(self, url: str) -> None:
        """Store the address; use a connection once only, because a gallery closes idle ones and may be restarted."""
        super().__init__(url)
        self._http.headers = {**self._http.headers, "Connection": "close"}

    def post(self, form: Form, data: bytes, **fields: str) -> urllib3.BaseHTTPResponse:
        """Send a file with a presigned form and return the bucket's response; `fields` replace those of the form."""
        return self._post(Form(form.id, form.url, form.fields | fields), "blob", data, "a response from the bucket")

    def upload(self, data: bytes, filename: str = "photo.jpg", content_type: str = "image/jpeg") -> str:
        """Upload a file and return the image id; the completion call is not made, as if the tab had been closed."""
        form = self.ask_form(filename, content_type, max(len(data), 1))
        response = self.post(form, data)
        assert response.status < 300, response.data
        return form.id

    def retry(self, image_id: str) -> int:
        """Retry the failed parts of an image, and return the response status."""
        path = f"/api/images/{image_id}/retry"
        return self._request("POST", self._absolute(path), f"a response from {path}", "", json={}).status

    def restore(self, image_id: str) -> dict[str, Any]:
        """Restore the generated texts of an image, and return the image."""
        return self._json("POST", f"/api/images/{image_id}/restore")

    def annotate_again(self, image_id: str, *, overwrite: bool = False) -> dict[str, Any]:
        """Queue an image for another annotation, and return the image."""
        return self._json("POST", f"/api/images/{image_id}/annotate", overwrite=overwrite)

    def annotate_selection(self, where: str, *, overwrite: bool = False, apply: bool = False) -> dict[str, Any]:
        """Queue the selected images for another annotation, or only estimate what it costs."""
        return self._json("POST", "/api/annotate", where=where, overwrite=overwrite, apply=apply)

    def retry_selection(self, where: str, *, apply: bool = False) -> int:
        """Retry the selected images that failed, or only count them; return their number."""
        return int(self._json("POST", "/api/retry", where=where, apply=apply)["images"])

    def statistics(self) -> dict[str, Any]:
        """Return the statistics."""
        return self._json("GET", "/api/stats")

    def find(self, image_id: str) -> dict[str, Any] | None:
        """Return an image, or None if the gallery does not know it."""
        path = f"/api/images/{image_id}"
        response = self._request("GET", self._absolute(path), f"a response from {path}", "")
        assert response.status in (200, 404), response.data
        return response.json() if response.status == 200 else None

    def wait(self, image_id: str, until: Callable[[dict[str, Any]], bool] = settled) -> dict[str, Any]:
        """Wait until an image satisfies a condition, by default that no part is pending, and return it."""

        def satisfied() -> dict[str, Any] | None:
            image = self.find(image_id)
            return image if image is not None and until(image) else None

        return wait_until(satisfied, lambda: f"the image is {self.find(image_id)}")

    def edit(self, image_id: str, **texts: Any) -> dict[str, Any]:
        """Replace texts of an image, and return it."""
        return self._json("PATCH", f"/api/images/{image_id}", **texts)

    def count(self, query: str) -> int:
        """Return how many images match a search."""
        return int(self._json("GET", f"/api/images?{urlencode({'q': query})}")["search"]["count"])

    def wait_for_word(self, word: str) -> None:
        """Wait until the gallery suggests a word; it counts the words of new texts each minute."""

        def is_suggested() -> bool:
            suggested = self._json("GET", f"/api/words?{urlencode({'prefix': word})}")["words"]
            return word in [found["word"] for found in suggested]

        wait_until(is_suggested, f"{word} is not suggested", seconds=COUNTED_SECONDS)
