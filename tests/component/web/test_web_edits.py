"""Editing a photo's caption, alternative text and tags: the JSON API and the plain HTML form."""

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from catalog.keys import new_id
from support.gallery_photos import ANNOTATION, GalleryPhotos


def annotation(client: FlaskClient, image_id: str) -> Any:
    return client.get(f"/api/images/{image_id}").json["annotation"]


# ---- PATCH /api/images/<id>


def test_an_edit_changes_only_the_given_fields(client: FlaskClient, ready_photo: str) -> None:
    before = annotation(client, ready_photo)
    response = client.patch(f"/api/images/{ready_photo}", json={"caption": "  Our kite 🪁 "})
    assert response.json["annotation"] == before | {
        "caption": "Our kite 🪁",
        "edited": True,
        "caption_edited": True,
        "generated": {"caption": ANNOTATION.caption, "alt_text": None, "tags": None},
    }


def test_an_edit_replaces_a_failed_annotation(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(annotation="Refused.")
    edited = client.patch(f"/api/images/{image_id}", json={"caption": "Mine"}).json["annotation"]
    assert (edited["status"], edited["reason"]) == ("ready", None)


@pytest.mark.parametrize(
    ("name", "sent", "saved"),
    [("caption", "", ""), ("tags", ["Sea", " sea ", "", "   ", "wide\t sky"], ["Sea", "wide sky"])],
    ids=["an empty caption", "empty and repeated tags"],
)
def test_values_are_normalized(client: FlaskClient, ready_photo: str, name: str, sent: Any, saved: Any) -> None:
    assert client.patch(f"/api/images/{ready_photo}", json={name: sent}).json["annotation"][name] == saved


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({}, "at least one"),
        ({"caption": None}, "caption must be text"),
        ({"caption": 5}, "caption must be text"),
        ({"caption": "x" * 2001}, "caption may have at most 2000 characters"),
        ({"alt_text": "x" * 2001}, "alt_text may have at most 2000 characters"),
        ({"tags": "sea"}, "tags must be a list"),
        ({"tags": [1]}, "item 1 of tags must be text"),
        ({"tags": ["a", "x" * 51]}, "item 2 of tags may have at most 50 characters"),
        ({"tags": ["x"] * 31}, "tags may have at most 30 items"),
        ({"caption": "x", "model": "me"}, "Unknown: 'model'"),
        ({"seen": {"caption": "x"}}, "at least one"),
        ({"caption": "x", "seen": "x"}, "seen must be an object"),
        ({"caption": "x", "seen": {"caption": 5}}, "seen.caption must be text"),
        ({"caption": "x", "seen": {"tags": [1]}}, "item 1 of seen.tags must be text"),
        ({"caption": "x", "seen": {"model": "me"}}, "Unknown: 'model'"),
    ],
)
def test_an_invalid_edit_is_rejected_with_a_reason(
    client: FlaskClient, ready_photo: str, edit: dict[str, Any], message: str
) -> None:
    response = client.patch(f"/api/images/{ready_photo}", json=edit)
    assert response.status_code == 400
    assert message in response.json["error"]["message"]


def test_two_people_can_edit_different_fields(client: FlaskClient, ready_photo: str) -> None:
    path = f"/api/images/{ready_photo}"
    client.patch(path, json={"caption": "Hers", "seen": {"caption": ANNOTATION.caption}})
    response = client.patch(path, json={"alt_text": "His", "seen": {"alt_text": ANNOTATION.alt_text}})
    assert response.status_code == 200
    assert (response.json["annotation"]["caption"], response.json["annotation"]["alt_text"]) == ("Hers", "His")


EDITS: list[tuple[str, Any, Any]] = [("caption", "Hers", "His"), ("alt_text", "Hers", "His"), ("tags", ["a"], ["b"])]


@pytest.mark.parametrize(("name", "hers", "his"), EDITS)
def test_the_second_edit_of_a_field_is_a_conflict(
    client: FlaskClient, ready_photo: str, name: str, hers: Any, his: Any
) -> None:
    path, seen = f"/api/images/{ready_photo}", {name: annotation(client, ready_photo)[name]}
    client.patch(path, json={name: hers, "seen": seen})
    response = client.patch(path, json={name: his, "seen": seen})
    assert response.status_code == 409
    assert response.json["error"]["code"] == "conflict"
    assert annotation(client, ready_photo)[name] == hers
    assert client.patch(path, json={name: his, "seen": {name: hers}}).json["annotation"][name] == his


def test_an_edit_is_idempotent(client: FlaskClient, ready_photo: str) -> None:
    edit = {"caption": "Mine", "seen": {"caption": ANNOTATION.caption}}
    for _ in range(2):
        assert client.patch(f"/api/images/{ready_photo}", json=edit).status_code == 200


def test_a_function_causes_no_conflict(client: FlaskClient, ready_photo: str) -> None:
    edit = {"caption": "Mine", "seen": {"caption": None}}
    assert client.patch(f"/api/images/{ready_photo}", json=edit).json["annotation"]["caption"] == "Mine"


def test_the_last_edit_without_seen_values_wins(client: FlaskClient, ready_photo: str) -> None:
    for caption in ("Hers", "His"):
        response = client.patch(f"/api/images/{ready_photo}", json={"caption": caption})
    assert response.json["annotation"]["caption"] == "His"


def test_an_edit_of_an_unknown_photo_returns_404(client: FlaskClient) -> None:
    assert client.patch(f"/api/images/{new_id()}", json={"caption": "x"}).status_code == 404


# ---- /images/<id>/edit


def fields(page: str) -> dict[str, str]:
    """Return what a browser sends if nothing in the edit form is changed."""
    sent = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page))
    sent |= dict(re.findall(r'<textarea name="([^"]*)"[^>]*>([^<]*)</textarea>', page))
    sent |= dict(re.findall(r'<input name="(tags)"[^>]* value="([^"]*)"', page))
    return {name: html.unescape(value).replace("\n", "\r\n") for name, value in sent.items()}


@pytest.fixture
def form_path(ready_photo: str) -> str:
    return f"/images/{ready_photo}/edit"


def test_a_photo_can_be_edited_without_javascript(client: FlaskClient, ready_photo: str, form_path: str) -> None:
    assert f'<noscript><a class="button" href="{form_path}">' in client.get(f"/images/{ready_photo}").text
    form = fields(client.get(form_path).text)
    assert (form["caption"], form["tags"]) == ("A red kite over a beach.", "kite, sandy beach")
    response = client.post(form_path, data=form | {"caption": "Two lines,\r\nours", "tags": "sea, , sky"})
    assert (response.status_code, response.location) == (303, f"/images/{ready_photo}")
    saved = annotation(client, ready_photo)
    assert (saved["caption"], saved["tags"]) == ("Two lines,\nours", ["sea", "sky"])
    assert saved["alt_text"] == ANNOTATION.alt_text


def test_the_form_accepts_values_of_maximum_length(client: FlaskClient, ready_photo: str, form_path: str) -> None:
    longest = {
        "caption": "🪁" * 2000,
        "alt_text": "🪁" * 2000,
        "tags": [f"{number:02}{'🪁' * 48}" for number in range(30)],
    }
    assert client.patch(f"/api/images/{ready_photo}", json=longest).status_code == 200
    form = fields(client.get(form_path).text)
    changed = {"caption": "🌊" * 2000, "alt_text": "🌊" * 2000, "tags": form["tags"].replace("🪁", "🌊")}
    assert client.post(form_path, data=form | changed).status_code == 303


def test_an_unchanged_form_is_not_an_edit(client: FlaskClient, ready_photo: str, form_path: str) -> None:
    assert client.post(form_path, data=fields(client.get(form_path).text)).status_code == 303
    assert annotation(client, ready_photo)["edited"] is False


def test_the_form_keeps_fields_that_somebody_else_changed(
    client: FlaskClient, ready_photo: str, form_path: str
) -> None:
    stale = fields(client.get(form_path).text)
    client.patch(f"/api/images/{ready_photo}", json={"alt_text": "Hers"})
    client.post(form_path, data=stale | {"caption": "His"})
    saved = annotation(client, ready_photo)
    assert (saved["caption"], saved["alt_text"]) == ("His", "Hers")


def test_the_form_shows_both_versions_of_a_conflict(client: FlaskClient, ready_photo: str, form_path: str) -> None:
    stale = fields(client.get(form_path).text)
    client.patch(f"/api/images/{ready_photo}", json={"caption": "Hers"})
    response = client.post(form_path, data=stale | {"caption": "His"})
    assert response.status_code == 409
    assert "Somebody else wrote: <bdi>Hers</bdi>" in response.text
    assert fields(response.text)["caption"] == "His"
    assert annotation(client, ready_photo)["caption"] == "Hers"
    client.post(form_path, data=fields(response.text))
    assert annotation(client, ready_photo)["caption"] == "His"


def test_tags_with_commas_cause_no_conflict_in_the_form(client: FlaskClient, ready_photo: str, form_path: str) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"tags": ["red, white", "sea"]})
    form = fields(client.get(form_path).text)
    assert client.post(form_path, data=form | {"tags": "sky"}).status_code == 303
    assert annotation(client, ready_photo)["tags"] == ["sky"]


def test_the_form_of_an_unknown_photo_returns_404(client: FlaskClient) -> None:
    path = f"/images/{new_id()}/edit"
    assert client.get(path).status_code == 404
    assert client.post(path, data={"caption": "Mine"}).status_code == 404
