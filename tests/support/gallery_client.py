"""What a browser does with the gallery, for tests: upload, look, wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

WAIT_SECONDS = 300.0


@dataclass(frozen=True)
class GalleryClient:
    """Speaks to a running gallery through its public API."""

    url: str

    def form(self, filename: str, content_type: str, size: int) -> dict[str, Any]:
        """Ask for a presigned form: {id, url, fields}."""
        wanted: dict[str, Any] = {"filename": filename, "content_type": content_type, "bytes": size}
        response = requests.post(f"{self.url}/api/uploads", json=wanted, timeout=10)
        assert response.status_code == 201, response.text
        form: dict[str, Any] = response.json()
        return form

    def post(self, form: dict[str, Any], data: bytes, **fields: str) -> requests.Response:
        """Send a file with a presigned form, as a browser does; `fields` replace those of the form."""
        return requests.post(form["url"], data=form["fields"] | fields, files={"file": ("blob", data)}, timeout=60)

    def upload(self, data: bytes, filename: str = "photo.jpg", content_type: str = "image/jpeg") -> str:
        """Upload a file and return its id; the tab is closed before the completion call."""
        form = self.form(filename, content_type, max(len(data), 1))
        response = self.post(form, data)
        assert response.ok, response.text
        image_id: str = form["id"]
        return image_id

    def complete(self, image_id: str) -> requests.Response:
        """Tell the gallery that the upload is done."""
        return requests.put(f"{self.url}/api/images/{image_id}", json={}, timeout=10)

    def retry(self, image_id: str) -> requests.Response:
        """Start again what failed."""
        return requests.post(f"{self.url}/api/images/{image_id}/retry", json={}, timeout=10)

    def delete(self, image_id: str) -> requests.Response:
        """Delete an image."""
        return requests.delete(f"{self.url}/api/images/{image_id}", json={}, timeout=10)

    def image(self, image_id: str) -> dict[str, Any] | None:
        """Return an image as JSON, or None."""
        response = requests.get(f"{self.url}/api/images/{image_id}", timeout=10)
        if response.status_code == 404:
            return None
        assert response.ok, response.text
        image: dict[str, Any] = response.json()
        return image

    def wait(self, image_id: str, until: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Wait until an image satisfies a condition: by default, until nothing of it is pending."""
        condition = until or settled
        image: dict[str, Any] | None = None
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            image = self.image(image_id)
            if image is not None and condition(image):
                return image
            time.sleep(0.05)
        raise AssertionError(f"waited {WAIT_SECONDS:.0f} seconds in vain; the image is {image}")


def settled(image: dict[str, Any]) -> bool:
    """Tell whether both functions have finished with an image."""
    return "pending" not in (image["thumbnail"]["status"], image["annotation"]["status"])
