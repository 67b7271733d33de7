"""What the smoke test says of a gallery that does not work; that it passes one that does is in tests/integration."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from deploy.environment import INFRASTRUCTURE, load_environment
from smoke import __main__ as command_line
from unit.smoke.conftest import IMAGE, IMAGE_ID, SILENCE, Answer, OnePictureGallery

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run() -> Run:
    """Return a function that runs the command, and returns its exit status and what it wrote."""

    def run_smoke(*arguments: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(command_line.main, arguments)
        return result.exit_code, result.stdout, result.stderr

    return run_smoke


def error(message: str) -> bytes:
    return json.dumps({"error": {"code": "some_code", "message": message}}).encode()


def test_a_gallery_that_works_passes_and_its_version_is_told(run: Run, running: OnePictureGallery) -> None:
    status, output, errors = run("--url", running.url)
    assert (status, errors) == (0, "")
    assert f"{running.url} is ready, and runs version 1.2.3" in output
    assert f"as image {IMAGE_ID}" in output
    assert running.uploaded is None


def test_an_address_where_nothing_listens_is_told(run: Run) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        status, _, errors = run("--url", f"http://127.0.0.1:{port}")
    assert status == 1
    assert f"127.0.0.1:{port} does not answer" in errors
    assert "web.AllowedCidr" in errors


@pytest.mark.parametrize("url", ["photos.example.org", "localhost:8080", "ftp://example.org", "http://", "http://[::1"])
def test_an_invalid_address_is_wrong_usage(run: Run, url: str) -> None:
    status, _, errors = run("--url", url)
    assert status == 2
    assert f"{url!r} is not an address such as" in errors


def test_a_gallery_that_stops_answering_is_not_taken_for_a_wrong_address(run: Run, running: OnePictureGallery) -> None:
    running.spoiled[f"GET {IMAGE}"] = SILENCE
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"GET {running.url}{IMAGE} to succeed, but 127.0.0.1:{running.server_port} does not answer" in errors
    assert "Look at the log of the gallery" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_a_bucket_that_does_not_answer_is_told(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["POST /bucket"] = SILENCE
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"as image {IMAGE_ID}, but 127.0.0.1:{running.server_port} does not answer" in errors
    assert "let out to S3" in errors


def test_a_certificate_that_nobody_vouches_for_is_told(
    run: Run, running: OnePictureGallery, self_signed: ssl.SSLContext
) -> None:
    running.socket = self_signed.wrap_socket(running.socket, server_side=True)
    status, _, errors = run("--url", running.url.replace("http:", "https:"))
    assert status == 1
    assert "CERTIFICATE_VERIFY_FAILED" in errors
    assert "Look at its certificate" in errors


def test_a_gallery_behind_a_login_cannot_be_checked(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["GET /readyz"] = Answer(302, headers={"Location": "https://login.example.org/auth?state=secret"})
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "it redirects to https://login.example.org." in errors
    assert "a gallery behind a login cannot be checked so" in errors
    assert "secret" not in errors


def test_a_gallery_that_wants_https_says_so(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["GET /readyz"] = Answer(301, headers={"Location": "https://127.0.0.1:443/readyz"})
    assert "Use https://127.0.0.1." in run("--url", running.url)[2]


@pytest.mark.parametrize(("code", "advice"), [(403, "firewall"), (429, "limits requests"), (502, "instances")])
def test_what_stands_before_the_gallery_is_named_when_it_answers(
    run: Run, running: OnePictureGallery, code: int, advice: str
) -> None:
    page = b"<html><head><title>No</title></head>\n<body>  no entry</body></html>"
    running.spoiled["GET /readyz"] = Answer(code, page)
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"it answers {code}: No no entry.\n" in errors
    assert advice in errors


def test_a_gallery_that_is_not_ready_gives_its_reason(run: Run, running: OnePictureGallery) -> None:
    reason = json.dumps({"status": "unavailable", "reason": "The database cannot be reached."}).encode()
    running.spoiled["GET /readyz"] = Answer(503, reason)
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "/readyz to succeed, but it answers 503: The database cannot be reached.\n" in errors


def test_another_web_site_is_no_gallery(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["GET /readyz"] = Answer(200, b"<h1>Welcome!</h1>")
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "it is Welcome!.\nIs this the address of a gallery?" in errors


def test_a_gallery_that_still_runs_another_version_than_the_pinned_gets_no_picture(
    run: Run, running: OnePictureGallery, staging: Callable[[str, str], None]
) -> None:
    staging(running.url, "1.2.4")
    status, _, errors = run("staging")
    assert status == 1
    assert "Expected the pinned version 1.2.4, but the gallery still runs 1.2.3." in errors
    assert "instances were refreshed" in errors
    assert running.requests == ["GET /readyz", "GET /healthz"]


def test_an_environment_is_checked_at_its_origin_with_its_version(
    run: Run, running: OnePictureGallery, staging: Callable[[str, str], None]
) -> None:
    staging(running.url, "1.2.3")
    assert run("staging")[0] == 0
    assert f"DELETE {IMAGE}" in running.requests


def test_an_environment_that_does_not_exist_is_told(run: Run) -> None:
    status, _, errors = run("stagging")
    assert status == 1
    assert "unknown environment 'stagging'; available: local, production, staging" in errors


def test_a_bucket_that_refuses_the_file_is_told_and_the_picture_deleted(run: Run, running: OnePictureGallery) -> None:
    document = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No.</Message><RequestId>1</RequestId>"
    running.spoiled["POST /bucket"] = Answer(403, document)
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"as image {IMAGE_ID}, but it answers 403: AccessDenied: No.\n" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_a_bucket_that_browsers_would_not_send_to_is_told(run: Run, running: OnePictureGallery) -> None:
    running.allowed_origin = "https://other.example.org"
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"it allows pages of https://other.example.org to send files, and not of {running.url}.\n" in errors
    assert "images.GalleryOrigin" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_a_part_that_failed_is_told_with_its_reason(run: Run, running: OnePictureGallery) -> None:
    running.image["annotation"] |= {"status": "failed", "reason": "Gemini refuses the key."}
    status, output, errors = run("--url", running.url)
    assert status == 1
    assert "its thumbnail is ready" in output
    assert f"the annotation of image {IMAGE_ID} to be ready, but it has failed: Gemini refuses the key.\n" in errors
    assert "the function `annotate`" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


def test_what_stays_pending_is_told_when_the_time_is_up(run: Run, running: OnePictureGallery) -> None:
    running.image["thumbnail"] |= {"status": "pending", "url": None}
    status, output, errors = run("--url", running.url, "--seconds", "0")
    assert status == 1
    assert "its annotation is ready" in output
    assert f"Expected thumbnail of image {IMAGE_ID} within 0 seconds, but the time limit was exceeded." in errors
    assert "the function `thumbnail`" in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"<html>" + b" " * 30, "it is not a WebP file", id="no picture"),
        pytest.param(bytes.fromhex("524946460000000057454250") + b" " * 30, "it is truncated", id="cut off"),
    ],
)
def test_a_thumbnail_that_is_no_whole_picture_is_told(
    run: Run, running: OnePictureGallery, content: bytes, words: str
) -> None:
    running.spoiled["GET /thumbnail"] = Answer(200, content)
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"the thumbnail of image {IMAGE_ID} to be a WebP picture of 640:400, but {words}.\n" in errors


def test_a_thumbnail_of_other_proportions_is_told(run: Run, running: OnePictureGallery) -> None:
    # A VP8L header: RFC 9649, section 3.4. 512 x 512.
    lossless = b"VP8L" + (18).to_bytes(4, "little") + b"\x2f" + (511 | 511 << 14).to_bytes(4, "little") + bytes(13)
    running.spoiled["GET /thumbnail"] = Answer(
        200, b"RIFF" + (4 + len(lossless)).to_bytes(4, "little") + b"WEBP" + lossless
    )
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "but it is 512 x 512.\n" in errors


def test_a_thumbnail_that_cannot_be_had_is_told_without_its_signature(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["GET /thumbnail"] = Answer(403, b"<Error><Code>AccessDenied</Code><Message>No</Message></Error>")
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "its address answers 403: AccessDenied: No." in errors
    assert "secret" not in errors


@pytest.mark.parametrize("missing", ["caption", "alt_text", "tags"])
def test_words_that_are_missing_are_told(run: Run, running: OnePictureGallery, missing: str) -> None:
    running.image["annotation"][missing] = None
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"Expected an annotation of image {IMAGE_ID}, but {missing} is missing." in errors


def test_a_gallery_that_says_something_else_of_the_file_is_told(run: Run, running: OnePictureGallery) -> None:
    running.image["width"] = 641
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "it is (641, 400, 'image/png', " in errors


def test_a_page_that_does_not_list_the_picture_is_told(run: Run, running: OnePictureGallery) -> None:
    running.spoiled["GET /"] = Answer(200, b"Nothing found")
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"to list image {IMAGE_ID}, but it does not." in errors
    assert running.requests[-1] == f"DELETE {IMAGE}"


@pytest.mark.parametrize("place", [IMAGE, f"/images/{IMAGE_ID}", "/thumbnail"])
def test_what_is_left_after_the_deletion_is_told(run: Run, running: OnePictureGallery, place: str) -> None:
    def forget_to_delete(request: str, body: bytes) -> Answer:
        left = request == f"GET {place}" and f"DELETE {IMAGE}" in running.requests
        return Answer(200) if left else OnePictureGallery.answer(running, request, body)

    running.answer = forget_to_delete  # type: ignore[method-assign]
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert f"Expected image {IMAGE_ID} to be gone, but" in errors
    assert f"{place} answers 200." in errors
    assert "secret" not in errors


def test_a_picture_that_cannot_be_deleted_is_named_beside_the_first_failure(
    run: Run, running: OnePictureGallery
) -> None:
    running.image["annotation"] |= {"status": "failed", "reason": "the first failure"}
    running.spoiled[f"DELETE {IMAGE}"] = Answer(503, error("The database does not answer."))
    status, _, errors = run("--url", running.url)
    assert status == 1
    assert "the first failure" in errors
    assert (
        f"The test picture could not be deleted: {running.url}/images/{IMAGE_ID} (it answers 503: The database"
        in errors
    )


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that makes staging a gallery at an address, with a version that is pinned."""

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
