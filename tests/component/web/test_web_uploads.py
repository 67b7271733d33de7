"""Uploads: presigned forms, completion, and the plain HTML form."""

import html
import re
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.keys import is_id, new_id, upload_key
from catalog.limits import CONTENT_TYPES, MAX_BYTES
from support.gallery_photos import BUCKET, GalleryPhotos, put_upload

UPLOAD = {"filename": "kite.jpg", "content_type": "image/jpeg", "bytes": 1234}


# ---- POST /api/uploads


def test_an_upload_gets_an_id_and_a_form_that_is_not_cached(client: FlaskClient) -> None:
    response = client.post("/api/uploads", json=UPLOAD)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    assert is_id(response.json["id"])
    assert response.json["fields"]["key"] == upload_key(response.json["id"])
    assert response.json["fields"]["Content-Type"] == "image/jpeg"
    assert urlsplit(response.json["url"]).scheme == "https"


@pytest.mark.parametrize("name", UPLOAD)
def test_a_missing_field_is_reported(client: FlaskClient, name: str) -> None:
    response = client.post("/api/uploads", json={key: value for key, value in UPLOAD.items() if key != name})
    assert response.status_code == 400
    assert response.json == {"error": {"code": "bad_request", "message": f"Missing: {name}."}}


@pytest.mark.parametrize(
    ("name", "value", "status", "message"),
    [
        ("bytes", 0, 400, "empty"),
        ("bytes", -1, 400, "whole number"),
        ("bytes", 1.5, 400, "whole number"),
        ("bytes", True, 400, "whole number"),
        ("bytes", "12", 400, "whole number"),
        ("bytes", MAX_BYTES + 1, 413, "larger than 50 MiB"),
        ("content_type", None, 400, "must be text"),
        ("content_type", "jpeg", 400, "media type"),
        ("content_type", "image/", 400, "media type"),
        ("content_type", "/jpeg", 400, "media type"),
        ("content_type", "image/jpeg/png", 400, "media type"),
        ("content_type", "image jpeg", 400, "media type"),
        ("content_type", "image/jpeg, image/png", 400, "media type"),
        ("content_type", "image/jp\u00e9g", 400, "media type"),
        ("content_type", "image/\u212apeg", 400, "media type"),
        ("content_type", "image/jpeg\n", 400, "media type"),
        ("content_type", "image/jpeg\r\nx-amz-acl: public-read", 400, "media type"),
        ("content_type", "image/jpeg; name=\r\n", 400, "media type"),
        ("content_type", "image/jpeg\0", 400, "media type"),
        ("content_type", "image/jpeg; \x7f", 400, "media type"),
        ("content_type", "\n", 400, "media type"),
        ("content_type", "image/" + "x" * 95, 400, "at most 100 characters"),
        ("filename", "", 400, "must not be empty"),
        ("filename", ["a"], 400, "must be text"),
        ("filename", "x" * 1001, 400, "at most 1000 characters"),
        ("filename", "\ud800", 400, "invalid character"),
        ("colour", "red", 400, "Unknown: 'colour'"),
    ],
)
def test_an_invalid_field_is_rejected_with_a_reason(
    client: FlaskClient, name: str, value: Any, status: int, message: str
) -> None:
    response = client.post("/api/uploads", json=UPLOAD | {name: value})
    assert response.status_code == status
    assert message in response.json["error"]["message"]


@pytest.mark.parametrize(
    ("sent", "signed"),
    [
        *((known, known) for known in CONTENT_TYPES),
        ("IMAGE/JPEG", "image/jpeg"),
        (" image/png ", "image/png"),
        ("image/jpeg; charset=utf-8", "image/jpeg"),
        ("image/jpeg;charset=utf-8;", "image/jpeg"),
        ('image/webp; name="zweite Reise 🏝.webp"', "image/webp"),
        ("Image/JPG ;\tq=1", "image/jpeg"),
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/mpo", "image/jpeg"),
        ("image/x-png", "image/png"),
        ("image/apng", "image/png"),
        ("image/vnd.mozilla.apng", "image/png"),
        ("image/heic-sequence", "image/heic"),
        ("image/heif-sequence", "image/heif"),
        ("", "application/octet-stream"),
        (" ", "application/octet-stream"),
        ("application/octet-stream", "application/octet-stream"),
        ("binary/octet-stream", "application/octet-stream"),
        ("image/*", "application/octet-stream"),
        ("*/*", "application/octet-stream"),
        ("image/tiff", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("text/html", "application/octet-stream"),
        ("application/pdf", "application/octet-stream"),
    ],
)
def test_any_media_type_is_signed_as_a_known_type_or_as_bytes(client: FlaskClient, sent: str, signed: str) -> None:
    response = client.post("/api/uploads", json=UPLOAD | {"content_type": sent})
    assert response.status_code == 201
    assert response.json["fields"]["Content-Type"] == signed


@given(
    sent=st.builds("{}{}{}".format, st.text(max_size=5), st.sampled_from(["", *CONTENT_TYPES]), st.text(max_size=80))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, database=None)
def test_only_known_types_are_signed(client: FlaskClient, sent: str) -> None:
    response = client.post("/api/uploads", json=UPLOAD | {"content_type": sent})
    if response.status_code == 201:
        assert response.json["fields"]["Content-Type"] in {*CONTENT_TYPES, "application/octet-stream"}
    else:
        assert response.status_code == 400
        assert "content_type" in response.json["error"]["message"]


@pytest.mark.parametrize("body", ["", "{", "[1]", '"text"', "null", "1"])
def test_a_body_other_than_a_json_object_is_rejected(client: FlaskClient, body: str) -> None:
    response = client.post("/api/uploads", data=body, content_type="application/json")
    assert response.status_code == 400


def test_a_form_encoded_body_is_rejected(client: FlaskClient) -> None:
    response = client.post("/api/uploads", data=UPLOAD)
    assert response.status_code == 415
    assert "application/json" in response.json["error"]["message"]


def test_a_body_has_a_maximum_size(client: FlaskClient) -> None:
    assert client.post("/api/uploads", json=UPLOAD | {"filename": "x" * 200_000}).status_code == 413


# ---- PUT /api/images/<id>


def test_completion_adds_the_photo_and_is_idempotent(client: FlaskClient) -> None:
    image_id = put_upload("kite.jpg")
    response = client.put(f"/api/images/{image_id}")
    assert response.status_code == 200
    assert response.json["id"] == image_id
    assert response.json["thumbnail"]["status"] == response.json["annotation"]["status"] == "pending"
    assert client.get(f"/api/images/{image_id}").json == response.json
    assert client.put(f"/api/images/{image_id}").json == response.json
    assert client.get("/api/images").json["images"] == [response.json]


def test_completion_without_an_upload_returns_404(client: FlaskClient) -> None:
    assert client.put(f"/api/images/{new_id()}").status_code == 404


def test_completion_does_not_restore_a_deleted_photo(client: FlaskClient, photos: GalleryPhotos) -> None:
    assert client.put(f"/api/images/{photos.add_deleted()}").status_code == 410


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("\"quoted\" 'name'.jpg", "\"quoted\" 'name'.jpg"),
        ("Ünïcode 🦩.jpg", "Ünïcode 🦩.jpg"),
        ("../../etc/passwd", "passwd"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 300 + ".jpg", "x" * 255),
        ("日" * 300 + ".jpg", "日" * 200),
    ],
)
def test_the_form_preserves_a_file_name(client: FlaskClient, sent: str, shown: str) -> None:
    form = client.post("/api/uploads", json=UPLOAD | {"filename": sent}).json
    metadata = {
        name.removeprefix("x-amz-meta-"): value
        for name, value in form["fields"].items()
        if name.startswith("x-amz-meta-")
    }
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048
    bucket = urlsplit(form["url"]).netloc.split(".")[0]
    boto3.client("s3").put_object(Bucket=bucket, Key=form["fields"]["key"], Body=b"x", Metadata=metadata)
    assert client.put(f"/api/images/{form['id']}").json["filename"] == shown


# ---- POST /uploads


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def test_the_plain_form_posts_to_s3_and_returns(client: FlaskClient) -> None:
    response = client.post("/uploads", base_url="https://gallery.example")
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    page = response.text
    assert re.search(rf'<form action="[^"]*{BUCKET}[^"]*" method="post" enctype="multipart/form-data">', page)
    fields = hidden_fields(page)
    image_id = fields["key"].removeprefix("uploads/")
    assert fields["success_action_redirect"] == f"https://gallery.example/images/{image_id}"
    assert fields["x-amz-meta-form-filename"] == "${filename}"
    assert fields["Content-Type"] == "application/octet-stream"
    assert page.rindex('type="hidden"') < page.index('type="file"'), "S3 ignores fields after the file"


def test_the_redirect_uses_https_behind_a_load_balancer(client: FlaskClient) -> None:
    page = client.post("/uploads", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}).text
    assert 'value="https://localhost/images/' in page
    assert "evil.example" not in page


def test_each_plain_form_has_another_key(client: FlaskClient) -> None:
    first, second = (hidden_fields(client.post("/uploads").text)["key"] for _ in range(2))
    assert first != second


def test_a_file_name_from_the_plain_form_is_shown(client: FlaskClient) -> None:
    image_id = new_id()
    boto3.client("s3").put_object(
        Bucket=BUCKET, Key=upload_key(image_id), Body=b"x", Metadata={"form-filename": "from a form.jpg"}
    )
    assert "from a form.jpg" in client.get(f"/images/{image_id}").text


@pytest.mark.parametrize(("path", "method"), [("/", "GET"), ("/uploads", "POST")])
def test_the_file_picker_offers_unknown_types_and_requests_no_conversion(
    client: FlaskClient, path: str, method: str
) -> None:
    (accept,) = re.findall(r'<input[^>]*type="file"[^>]*accept="([^"]*)"', client.open(path, method=method).text)
    accepted = accept.split(",")
    assert accepted[: len(CONTENT_TYPES)] == list(CONTENT_TYPES)  # Safari converts other types to the first
    assert {"image/*", "application/octet-stream", ".heic", ".hif", ".apng", ".mpo"} <= set(accepted)
