"""Error responses, and outages of the database, S3 and Lambda."""

import os
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from catalog.keys import new_id
from catalog.settings import ConfigurationError
from support.catalog_rows import row
from support.gallery_photos import GalleryPhotos
from web.config import WebSettings


@pytest.fixture
def without_bucket(app: Flask, new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setenv("BUCKET_NAME", "no-such-bucket")
    return new_app().test_client()


@pytest.fixture
def broken(app: Flask) -> FlaskClient:
    @app.get("/broken")
    @app.get("/api/broken")
    def broken() -> str:
        raise RuntimeError("a secret detail")

    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/?q=kite", "/images/01920000-0000-7000-8000-000000000000"])
def test_a_page_without_a_database_reloads(without_database: FlaskClient, path: str) -> None:
    response = without_database.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    assert response.headers["Cache-Control"] == "no-store"
    assert "Your photos are safe" in response.text
    assert "127.0.0.1" not in response.text
    assert '<meta http-equiv="refresh" content="10">' in response.text
    assert '<a class="button" href="">Try again</a>' in response.text


def test_the_api_without_a_database_is_a_temporary_error(without_database: FlaskClient) -> None:
    response = without_database.get("/api/images")
    assert response.status_code == 503
    assert response.json["error"]["code"] == "service_unavailable"
    assert response.headers["Retry-After"] == "10"


def test_a_failed_form_is_not_resubmitted(without_database: FlaskClient) -> None:
    response = without_database.post(f"/images/{new_id()}/edit", data={"caption": "Mine"})
    assert response.status_code == 503
    assert "refresh" not in response.text
    assert "were not saved" in response.text


def test_a_retry_is_left_to_the_sweep_if_lambda_is_unavailable(
    photos: GalleryPhotos, new_app: Callable[[], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    image_id = photos.add(thumbnail="Out of memory.")
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
    response = new_app().test_client().post(f"/api/images/{image_id}/retry")
    assert response.status_code == 503
    assert "retried within 30 minutes" in response.json["error"]["message"]
    assert row(photos.database, image_id).thumbnail_status == "pending"


def test_a_photo_stays_if_its_files_cannot_be_deleted(without_bucket: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add()
    response = without_bucket.delete(f"/api/images/{image_id}")
    assert response.status_code == 503
    assert "storage" in response.json["error"]["message"]
    assert row(photos.database, image_id).id == image_id


def test_a_photo_keeps_its_files_without_a_database(without_database: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add()
    assert without_database.delete(f"/api/images/{image_id}").status_code == 503
    assert photos.app.extensions["backends"].storage.find_upload(image_id) is not None


def test_uploads_can_start_without_a_database(without_database: FlaskClient) -> None:
    assert without_database.post("/uploads").status_code == 200


def test_errors_are_pages_or_json_under_api(client: FlaskClient) -> None:
    page, response = client.get("/no-such-page"), client.get("/api/no-such-thing")
    assert page.status_code == response.status_code == 404
    assert page.mimetype == "text/html"
    assert "Back to the gallery" in page.text
    assert response.json["error"]["code"] == "not_found"


def test_an_unsupported_method_returns_the_supported_ones(client: FlaskClient) -> None:
    page, response = client.delete("/"), client.delete("/api/images")
    assert page.status_code == response.status_code == 405
    assert "GET" in page.headers["Allow"]
    assert "GET" in response.headers["Allow"]
    assert response.json["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/broken", "/api/broken"])
def test_an_internal_error_is_logged_but_not_shown(
    broken: FlaskClient, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = broken.get(path)
    assert response.status_code == 500
    assert "contact the site owner" in response.text
    assert "a secret detail" not in response.text
    assert "a secret detail" in caplog.text


def test_an_error_page_escapes_the_path(client: FlaskClient) -> None:
    assert "<script>" not in client.get("/<script>alert(1)</script>").text


def test_missing_environment_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUCKET_NAME", "DATABASE_HOST", "THUMBNAIL_FUNCTION"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"DATABASE_HOST.*BUCKET_NAME.*THUMBNAIL_FUNCTION"):
        WebSettings.from_environ(os.environ)
