"""What the smoke test reports about a broken gallery; tests/integration runs it on a working one."""

import json
import shutil
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from deploy.environment import INFRASTRUCTURE, load_environment
from servers.ports import free_ports
from smoke import __main__ as command_line
from smoke.check import FUNCTIONS
from unit.smoke.conftest import IMAGE, IMAGE_ID, SILENCE, Answer, OnePictureGallery

HTML = b"<html><head><title>No</title></head>\n<body>  no entry</body></html>"
S3_ERROR = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No.</Message><RequestId>1</RequestId>"
CUT_OFF_WEBP = bytes.fromhex("524946460000000057454250") + b" " * 30
# A VP8L header of 512 x 512 pixels: RFC 9649, section 3.4.
VP8L = b"VP8L" + (18).to_bytes(4, "little") + b"\x2f" + (511 | 511 << 14).to_bytes(4, "little") + bytes(13)
SQUARE_WEBP = b"RIFF" + (4 + len(VP8L)).to_bytes(4, "little") + b"WEBP" + VP8L
THUMBNAIL = f"the thumbnail of image {IMAGE_ID} to be a WebP picture of 640:400, but "


def run(*arguments: str, code: int = 1) -> Result:
    """Run the command and check its exit status."""
    result = CliRunner().invoke(command_line.main, arguments)
    assert result.exit_code == code, result.output
    return result


def error(name: str, message: str) -> bytes:
    return json.dumps({name: message}).encode()


def test_working_gallery_passes(running: OnePictureGallery) -> None:
    result = run("--url", running.url, code=0)
    assert result.stderr == ""
    assert f"{running.url} is ready and runs version 1.2.3" in result.stdout
    assert f"as image {IMAGE_ID}" in result.stdout
    assert running.uploaded is None


def test_unreachable_address() -> None:
    (port,) = free_ports(1)
    errors = run("--url", f"http://127.0.0.1:{port}").stderr
    assert f"127.0.0.1:{port} does not respond" in errors
    assert "web.AllowedCidr" in errors


@pytest.mark.parametrize("url", ["photos.example.org", "localhost:8080", "ftp://example.org", "http://", "http://[::1"])
def test_an_invalid_address_is_wrong_usage(url: str) -> None:
    assert f"{url!r} is not an address such as" in run("--url", url, code=2).stderr


NOT_READY = {
    "login": (
        Answer(302, headers={"Location": "https://login.example.org/auth?state=secret"}),
        "it redirects to https://login.example.org.\nIf it redirects to a login page, the smoke test cannot check",
    ),
    "https": (Answer(301, headers={"Location": "https://127.0.0.1:443/readyz"}), "Use https://127.0.0.1."),
    "firewall": (Answer(403, HTML), "it responded 403: No no entry.\nA firewall"),
    "rate limit": (Answer(429, HTML), "it responded 429: No no entry.\nA rate limit"),
    "load balancer": (Answer(502, HTML), "it responded 502: No no entry.\nThe load balancer gets no response"),
    "no database": (
        Answer(503, error("reason", "The database cannot be reached.")),
        "/readyz to succeed, but it responded 503: The database cannot be reached.\n",
    ),
    "no gallery": (Answer(200, b"<h1>Hi!</h1>"), "it is Hi!.\nCheck that this is the address of a gallery."),
}


@pytest.mark.parametrize("case", NOT_READY)
def test_gallery_that_cannot_be_checked(running: OnePictureGallery, case: str) -> None:
    running.spoiled["GET /readyz"], expected = NOT_READY[case]
    errors = run("--url", running.url).stderr
    assert expected in errors
    assert "secret" not in errors
    assert running.requests == ["GET /readyz"]


FAILURES: dict[str, tuple[str, Answer, *tuple[str, ...]]] = {
    "silent gallery": (f"GET {IMAGE}", SILENCE, f"{IMAGE} to succeed, but HOST does not respond", "gallery's log"),
    "silent bucket": ("POST /bucket", SILENCE, f"image {IMAGE_ID}, but HOST does not respond", "reach S3"),
    "rejected file": ("POST /bucket", Answer(403, S3_ERROR), f"{IMAGE_ID}, but it responded 403: AccessDenied: No.\n"),
    "thumbnail is HTML": ("GET /thumbnail", Answer(200, HTML), f"{THUMBNAIL}it is not a WebP file.\n"),
    "truncated thumbnail": ("GET /thumbnail", Answer(200, CUT_OFF_WEBP), f"{THUMBNAIL}the file is truncated.\n"),
    "square thumbnail": ("GET /thumbnail", Answer(200, SQUARE_WEBP), f"{THUMBNAIL}it is 512 x 512.\n"),
    "forbidden thumbnail": ("GET /thumbnail", Answer(403, S3_ERROR), "its URL responded 403: AccessDenied: No."),
    "not on the page": ("GET /", Answer(200, b"Nothing found"), f"to list image {IMAGE_ID}, but it does not."),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failure_is_reported_and_the_image_deleted(running: OnePictureGallery, case: str) -> None:
    request, answer, *expected = FAILURES[case]
    running.spoiled[request] = answer
    errors = run("--url", running.url).stderr
    assert [text for text in expected if text.replace("HOST", f"127.0.0.1:{running.server_port}") not in errors] == []
    assert "secret" not in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


@pytest.mark.parametrize(
    ("part", "changes", "expected"),
    [
        ("annotation", {"status": "failed", "reason": "No key."}, "to be ready, but it failed: No key.\n"),
        ("thumbnail", {"status": "pending", "url": None}, f"Expected thumbnail of image {IMAGE_ID} within 0 seconds"),
        ("annotation", {"caption": None}, f"Expected a complete annotation of image {IMAGE_ID}, but it lacks caption."),
        ("annotation", {"alt_text": None}, "but it lacks alt_text."),
        ("annotation", {"tags": None}, "but it lacks tags."),
    ],
)
def test_incomplete_part_is_reported_and_the_image_deleted(
    running: OnePictureGallery, part: str, changes: dict[str, Any], expected: str
) -> None:
    running.image[part] |= changes
    result = run("--url", running.url, "--seconds", "0")
    (other,) = {"thumbnail", "annotation"} - {part}
    assert f"the {other} is ready" in result.stdout
    assert expected in result.stderr
    assert f"the function `{FUNCTIONS[part]}`" in result.stderr
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_wrong_facts_about_the_file(running: OnePictureGallery) -> None:
    running.image["width"] = 641
    errors = run("--url", running.url).stderr
    assert "the gallery reports (641, 400, 'image/png', " in errors


def test_bucket_that_browsers_would_not_send_to(running: OnePictureGallery) -> None:
    running.allowed_origin = "https://other.example.org"
    errors = run("--url", running.url).stderr
    assert f"it allows uploads from https://other.example.org, not from {running.url}.\n" in errors
    assert "images.GalleryOrigin" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_invalid_certificate(running: OnePictureGallery, unknown_authority: ssl.SSLContext) -> None:
    running.socket = unknown_authority.wrap_socket(running.socket, server_side=True)
    errors = run("--url", running.url.replace("http:", "https:")).stderr
    assert "CERTIFICATE_VERIFY_FAILED" in errors
    assert "Check its certificate" in errors


@pytest.mark.parametrize("place", [IMAGE, f"/images/{IMAGE_ID}", "/thumbnail"])
def test_incomplete_deletion(running: OnePictureGallery, place: str) -> None:
    def forget_to_delete(request: str, body: bytes) -> Answer:
        remains = request == f"GET {place}" and f"DELETE {IMAGE}" in running.requests
        return Answer(200) if remains else OnePictureGallery.answer(running, request, body)

    running.answer = forget_to_delete  # type: ignore[method-assign]
    errors = run("--url", running.url).stderr
    assert f"Expected image {IMAGE_ID} to be deleted, but" in errors
    assert f"{place} responded 200." in errors
    assert "secret" not in errors


def test_failed_deletion_is_reported_after_the_first_failure(running: OnePictureGallery) -> None:
    running.image["annotation"] |= {"status": "failed", "reason": "the first failure"}
    running.spoiled[f"DELETE {IMAGE}"] = Answer(503, error("reason", "The database does not answer."))
    errors = run("--url", running.url).stderr
    assert "the first failure" in errors
    assert f"could not be deleted: {running.url}/images/{IMAGE_ID} (it responded 503: The database" in errors


def test_gallery_of_another_version_than_the_pinned_one_gets_no_picture(
    running: OnePictureGallery, staging: Callable[[str, str], None]
) -> None:
    staging(running.url, "1.2.4")
    errors = run("staging").stderr
    assert "Expected version 1.2.4, which is pinned, but the gallery still runs 1.2.3." in errors
    assert "instance refresh" in errors
    assert running.requests == ["GET /readyz", "GET /healthz"]


def test_environment_is_checked_at_its_origin_with_its_version(
    running: OnePictureGallery, staging: Callable[[str, str], None]
) -> None:
    staging(running.url, "1.2.3")
    run("staging", code=0)
    assert f"DELETE {IMAGE}" in running.requests


def test_unknown_environment() -> None:
    assert "unknown environment 'stagging'; available: local, production, staging" in run("stagging").stderr


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that sets the gallery's address and the pinned version of staging."""

    def write(url: str, version: str) -> None:
        for name in ("environments", "templates"):
            shutil.copytree(INFRASTRUCTURE / name, tmp_path / name)
        shutil.copy(INFRASTRUCTURE / "stacks.yaml", tmp_path)
        path = tmp_path / "environments" / "staging.yaml"
        document = yaml.safe_load(path.read_text())
        document["parameters"]["images"]["GalleryOrigin"] = url
        document["versions"]["web"] = version
        path.write_text(yaml.safe_dump(document))
        monkeypatch.setattr(command_line, "load_environment", partial(load_environment, folder=tmp_path))

    return write
