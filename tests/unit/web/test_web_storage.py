"""Presigned forms and URLs."""

import base64
import json
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.filenames import clean_filename
from catalog.keys import new_id, upload_key
from catalog.limits import MAX_BYTES
from web import storage
from web.schemas import UploadForm
from web.storage import Storage, fit_metadata

BUCKET = "photos-of-the-tests"


@pytest.fixture
def photos(aws: None) -> Storage:
    return Storage(boto3.Session(), BUCKET)


def conditions(form: UploadForm) -> list[Any]:
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    found: list[Any] = policy["conditions"]
    return found


def test_a_form_fixes_key_type_name_and_size(photos: Storage) -> None:
    image_id = new_id()
    form = photos.upload_form(image_id, "kite.jpg", "image/jpeg")
    signed = conditions(form)
    for fixed in ({"key": upload_key(image_id)}, {"Content-Type": "image/jpeg"}, {"x-amz-meta-filename": "kite.jpg"}):
        assert fixed in signed
    assert ["content-length-range", 1, MAX_BYTES] in signed
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_a_form_is_valid_for_an_hour(photos: Storage) -> None:
    form = photos.upload_form(new_id(), "kite.jpg", "image/jpeg")
    expiration = json.loads(base64.b64decode(form.fields["policy"]))["expiration"]
    expires = time.mktime(time.strptime(expiration, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert expires == pytest.approx(time.time() + 3600, abs=30)


def test_a_form_is_sent_to_the_regional_endpoint(photos: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    regional = Storage(boto3.Session(), BUCKET)
    assert regional.upload_form(new_id(), "a.jpg", "image/jpeg").url == (
        f"https://{BUCKET}.s3.eu-central-1.amazonaws.com/"
    )
    assert regional.origin == f"https://{BUCKET}.s3.eu-central-1.amazonaws.com"


def test_the_endpoint_in_the_environment_is_used(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    local = Storage(boto3.Session(), BUCKET)
    assert local.origin == "http://127.0.0.1:4566"
    assert local.upload_form(new_id(), "a.jpg", "image/jpeg").url == f"http://127.0.0.1:4566/{BUCKET}"


def test_a_plain_form_redirects_and_takes_the_file_name_from_s3(photos: Storage) -> None:
    form = photos.plain_upload_form(new_id(), "https://gallery.example/images/1")
    signed = conditions(form)
    assert {"success_action_redirect": "https://gallery.example/images/1"} in signed
    assert ["starts-with", "$x-amz-meta-form-filename", ""] in signed
    assert form.fields["x-amz-meta-form-filename"] == "${filename}"
    assert ["content-length-range", 1, MAX_BYTES] in signed


def test_a_url_is_the_same_within_its_window(photos: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    start = 500_000 * storage.WINDOW_SECONDS
    monkeypatch.setattr(time, "time", lambda: start)
    first = photos.thumbnail_url("1")
    monkeypatch.setattr(time, "time", lambda: start + storage.WINDOW_SECONDS - 1)
    assert photos.thumbnail_url("1") == first
    assert photos.thumbnail_url("2") != first


def test_a_url_is_valid_for_two_windows(photos: Storage) -> None:
    (seconds,) = parse_qs(urlsplit(photos.thumbnail_url("1")).query)["X-Amz-Expires"]
    assert int(seconds) == 2 * storage.WINDOW_SECONDS


def test_a_new_window_has_a_new_url(photos: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = photos._cached_url.cache_info().misses
    for window in range(3):
        monkeypatch.setattr(time, "time", lambda window=window: window * storage.WINDOW_SECONDS)
        photos.thumbnail_url("1")
    assert photos._cached_url.cache_info().misses == first + 3


def test_new_credentials_sign_new_urls(photos: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = photos.thumbnail_url("1")
    monkeypatch.setattr(photos._credentials, "access_key", "ROTATED")
    assert "ROTATED" in photos.thumbnail_url("1")
    assert "ROTATED" not in first


@pytest.mark.parametrize("name", ["kite.jpg", 'a "b"\\c;d.jpg', "Ünïcode 🦩.jpg", "a%20b.jpg", "naïve?.heic"])
def test_urls_set_the_type_and_file_name(photos: Storage, name: str) -> None:
    shown = parse_qs(urlsplit(photos.picture_url("1", name, "image/png")).query)
    saved = parse_qs(urlsplit(photos.download_url("1", name)).query)
    assert shown["response-content-type"] == ["image/png"]
    assert saved["response-content-type"] == ["application/octet-stream"]
    for found, kind in ((shown, "inline"), (saved, "attachment")):
        (disposition,) = found["response-content-disposition"]
        assert disposition.startswith(f"{kind}; ")
        assert f"filename*=UTF-8''{quote(name, safe='')}" in disposition
        assert disposition.isascii()
        assert disposition.count('"') in (0, 2)


@given(st.text())
def test_any_name_fits_into_metadata(name: str) -> None:
    assert len(quote(fit_metadata(name * 20), safe="")) <= storage.MAX_METADATA_BYTES


@given(st.text(max_size=60))
def test_a_short_name_is_not_changed(name: str) -> None:
    assert fit_metadata(name) == clean_filename(name)


def test_a_shortened_name_keeps_its_extension() -> None:
    assert fit_metadata("日" * 240 + ".jpeg").endswith("日.jpeg")
