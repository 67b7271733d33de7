"""Another annotation of one photo or of many, restored texts, and retries of many photos.

The cases come from reports about other galleries: tags replaced by a repeated run, captions that a person deleted and
that no run restored, runs without an estimate, deleted photos that still counted.
https://github.com/simulot/immich-go/issues/977, https://github.com/photoprism/photoprism/issues/5399,
https://github.com/LibrePhotos/librephotos/issues/1093, https://github.com/photoprism/photoprism/issues/2812,
https://github.com/immich-app/immich/issues/11057, https://github.com/immich-app/immich/issues/15646
"""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from catalog import images
from catalog.database import Database
from catalog.images import Annotation
from catalog.keys import new_id
from catalog.queue import TYPICAL_USD
from support.catalog_rows import THUMBNAIL, row
from support.gallery_photos import ANNOTATION, GalleryPhotos

BETTER = replace(ANNOTATION, caption="A better caption.", alt_text="Better", tags=("better",))
COLOURS = Annotation("Blue and bright.", "Blue and bright", ("blue",), "en", "offline-tagger", recognized=False)


def annotation(client: FlaskClient, image_id: str) -> Any:
    return client.get(f"/api/images/{image_id}").json["annotation"]


def annotated(database: Database, image_id: str, result: Annotation = BETTER) -> None:
    """Record another annotation, as the function does."""
    with database.connection() as connection:
        assert images.annotation_ready(connection, image_id, row(connection, image_id).etag, result)


# ---- One photo


def test_a_photo_keeps_its_texts_while_it_waits_for_others(client: FlaskClient, ready_photo: str) -> None:
    before = annotation(client, ready_photo)
    response = client.post(f"/api/images/{ready_photo}/annotate", json={})
    assert response.status_code == 202
    assert response.json["annotation"] == before | {"queued": True, "reannotation": "keep"}
    assert "Waiting for another caption" in client.get("/").text


def test_another_annotation_keeps_what_a_person_wrote(
    client: FlaskClient, database: Database, ready_photo: str
) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"tags": ["mine"]})
    client.post(f"/api/images/{ready_photo}/annotate", json={"overwrite": False})
    annotated(database, ready_photo)
    after = annotation(client, ready_photo)
    assert (after["caption"], after["tags"], after["tags_edited"]) == ("A better caption.", ["mine"], True)
    assert after["generated"] == {"caption": None, "alt_text": None, "tags": ["better"]}
    assert (after["queued"], after["reannotation"]) == (False, None)


def test_another_annotation_replaces_everything_if_this_is_wanted(
    client: FlaskClient, database: Database, ready_photo: str
) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"tags": ["mine"]})
    client.post(f"/api/images/{ready_photo}/annotate", json={"overwrite": True})
    annotated(database, ready_photo)
    after = annotation(client, ready_photo)
    assert (after["tags"], after["edited"], after["generated"]) == (["better"], False, None)


def test_generated_texts_can_be_restored(client: FlaskClient, ready_photo: str) -> None:
    before = annotation(client, ready_photo)
    client.patch(f"/api/images/{ready_photo}", json={"caption": "", "tags": ["mine"]})
    path = f"/api/images/{ready_photo}/restore"
    assert client.post(path).json["annotation"] == before
    assert client.post(path).json["annotation"] == before, "idempotent"


def test_the_second_person_has_no_conflict_with_a_restored_text(client: FlaskClient, ready_photo: str) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"caption": "Hers", "alt_text": "Hers"})
    client.post(f"/api/images/{ready_photo}/restore")
    edit = {"caption": "His", "seen": {"caption": "Hers"}}
    assert client.patch(f"/api/images/{ready_photo}", json=edit).status_code == 200


def test_a_generated_text_causes_no_conflict_beside_a_persons(
    client: FlaskClient, database: Database, ready_photo: str
) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"tags": ["mine"]})
    client.post(f"/api/images/{ready_photo}/annotate", json={})
    annotated(database, ready_photo)
    edit = {"caption": "His", "seen": {"caption": ANNOTATION.caption}}
    assert client.patch(f"/api/images/{ready_photo}", json=edit).status_code == 200


def test_the_photo_page_shows_and_restores_the_generated_text(client: FlaskClient, ready_photo: str) -> None:
    path = f"/images/{ready_photo}"
    assert (
        '<section id="generated" class="generated" aria-labelledby="generated-title" hidden>' in client.get(path).text
    )
    client.patch(f"/api{path}", json={"caption": "Mine"})
    page = client.get(path).text
    assert f'<dd class="generated-caption" dir="auto">{ANNOTATION.caption}</dd>' in page
    assert f'action="{path}/restore"' in page
    response = client.post(f"{path}/restore")
    assert (response.status_code, response.location) == (303, path)
    assert annotation(client, ready_photo)["caption"] == ANNOTATION.caption


def test_the_photo_page_describes_a_photo_again(client: FlaskClient, ready_photo: str) -> None:
    path = f"/images/{ready_photo}"
    assert f'<form id="again" method="post" action="{path}/annotate"><button>' in client.get(path).text
    response = client.post(f"{path}/annotate")
    assert (response.status_code, response.location) == (303, path)
    page = client.get(path).text
    assert f'action="{path}/annotate" hidden>' in page
    assert '<noscript><meta http-equiv="refresh" content="30">' in page
    assert annotation(client, ready_photo)["reannotation"] == "keep"


@pytest.mark.parametrize("action", ["restore", "annotate"])
def test_actions_on_an_unknown_photo_return_404(client: FlaskClient, photos: GalleryPhotos, action: str) -> None:
    for image_id in (new_id(), photos.add_deleted()):
        assert client.post(f"/images/{image_id}/{action}").status_code == 404
        assert client.post(f"/api/images/{image_id}/{action}", json={}).status_code == 404


def test_the_edit_form_marks_what_a_person_wrote(client: FlaskClient, ready_photo: str) -> None:
    client.patch(f"/api/images/{ready_photo}", json={"alt_text": "Mine"})
    page = client.get(f"/images/{ready_photo}/edit").text
    assert re.findall(r'data-edited-field="(\w+)">edited', page) == ["alt_text"]


# ---- Photos without a subject


def test_colours_are_no_caption(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add("sea.jpg", thumbnail=THUMBNAIL, annotation=COLOURS)
    assert annotation(client, image_id)["recognized"] is False
    for path in ("/", f"/images/{image_id}"):
        page = client.get(path).text
        assert 'dir="auto" lang="en"></p>' in page, "an empty caption"
        assert f'<p class="unrecognized">No caption yet – <a class="write" href="/images/{image_id}/edit">' in page
        assert 'alt="Blue and bright"' in page
    assert '<dd class="appearance" dir="auto" lang="en">Blue and bright.</dd>' in page


def test_a_persons_caption_of_such_a_photo_is_its_caption(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL, annotation=COLOURS)
    client.patch(f"/api/images/{image_id}", json={"caption": "The sea"})
    page = client.get("/").text
    assert ">The sea</p>" in page
    assert '<p class="unrecognized">' not in page


def test_a_failed_photo_can_be_edited_from_its_card(client: FlaskClient, photos: GalleryPhotos) -> None:
    image_id = photos.add(thumbnail=THUMBNAIL, annotation="Refused.")
    assert f'<a class="write edit button quiet" href="/images/{image_id}/edit">Edit' in client.get("/").text


# ---- Many photos


def test_nothing_happens_without_apply(client: FlaskClient, ready_photo: str) -> None:
    response = client.post("/api/annotate", json={"where": "all"})
    assert response.json == {"images": 1, "usd": f"{TYPICAL_USD:.6f}"}
    assert annotation(client, ready_photo)["queued"] is False


def test_the_selected_photos_are_queued(client: FlaskClient, photos: GalleryPhotos, ready_photo: str) -> None:
    offline = photos.add(thumbnail=THUMBNAIL, annotation=COLOURS)
    photos.add(annotation="Refused.")
    photos.add_deleted()
    wanted = {"where": "model:offline", "apply": True}
    assert client.post("/api/annotate", json=wanted).json["images"] == 1
    assert annotation(client, offline)["queued"] is True
    assert annotation(client, ready_photo)["queued"] is False
    assert client.post("/api/annotate", json=wanted).json == {"images": 0, "usd": "0.000000"}, "it waits already"


@pytest.mark.parametrize("path", ["/api/annotate", "/api/retry"])
@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "select photos by state:"),
        ("kites", "unknown term 'kites'"),
        ("state:done", "unknown state 'done'; available: ready, pending, failed"),
        ("before:tomorrow", "'tomorrow' is not a date like 2026-06-01"),
        ('reason:"too', "a quotation mark is missing"),
    ],
)
def test_a_wrong_selection_is_explained(client: FlaskClient, path: str, where: str, message: str) -> None:
    response = client.post(path, json={"where": where, "apply": True})
    assert response.status_code == 400
    assert message in response.json["error"]["message"]


def test_failed_photos_are_retried_by_reason(client: FlaskClient, photos: GalleryPhotos) -> None:
    one, other = (photos.add(thumbnail=THUMBNAIL, annotation=reason) for reason in ("Too 100% large.", "Refused."))
    wanted = {"where": 'reason:"100% large"'}
    assert client.post("/api/retry", json=wanted).json == {"images": 1}
    assert annotation(client, one)["status"] == "failed"
    assert client.post("/api/retry", json=wanted | {"apply": True}).json == {"images": 1}
    assert [annotation(client, image_id)["status"] for image_id in (one, other)] == ["pending", "failed"]


@pytest.mark.parametrize("path", ["/annotate", "/retry", "/images/{id}/annotate", "/images/{id}/restore"])
def test_forms_of_other_sites_are_rejected(client: FlaskClient, ready_photo: str, path: str) -> None:
    for prefix in ("", "/api"):
        response = client.post(prefix + path.format(id=ready_photo), headers={"Sec-Fetch-Site": "cross-site"})
        assert response.status_code == 403


def text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_the_page_counts_before_it_queues(client: FlaskClient, photos: GalleryPhotos) -> None:
    waiting = [photos.add_ready() for _ in range(2)]
    page = client.get("/annotate", query_string={"where": "state:ready", "overwrite": "on"}).text
    assert f"2 photos , about ${(2 * TYPICAL_USD).normalize()} with a paid model" in text(page)
    assert "Texts that people wrote are replaced." in page
    assert "Describe these 2 photos again" in page
    assert annotation(client, waiting[0])["queued"] is False
    sent = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page))
    assert sent == {"where": "state:ready", "overwrite": "on"}
    response = client.post("/annotate", data=sent)
    assert (response.status_code, response.location) == (303, "/annotate?queued=2")
    assert [annotation(client, image_id)["reannotation"] for image_id in waiting] == ["overwrite", "overwrite"]
    assert "2 photos put into the queue." in text(client.get(response.location).text)


def test_the_page_explains_a_wrong_selection_and_keeps_it(client: FlaskClient) -> None:
    response = client.get("/annotate", query_string={"where": 'kites "\'><b>"'})
    assert response.status_code == 400
    assert "unknown term 'kites'" in text(response.text)
    assert 'value="kites &#34;&#39;&gt;&lt;b&gt;&#34;"' in response.text


def test_the_page_retries_failed_photos_by_reason(client: FlaskClient, photos: GalleryPhotos) -> None:
    reason = 'It\'s "broken": 100% <b>.'
    failed = [photos.add("a.jpg", thumbnail=reason, annotation=reason), photos.add(thumbnail=reason)]
    page = client.get("/annotate").text
    assert f"{reason} Retry these 2" in text(page)
    ((name, value),) = re.findall(r'<input type="hidden" name="(where)" value="([^"]*)"', page)
    response = client.post("/retry", data={name: html.unescape(value)})
    assert response.location == "/annotate?queued=2"
    for image_id in failed:
        assert client.get(f"/api/images/{image_id}").json["thumbnail"]["status"] == "pending"
    assert "No photo failed." in client.get("/annotate").text


def test_without_a_database_the_pages_say_so(without_database: FlaskClient) -> None:
    for path in ("/annotate", "/stats"):
        assert without_database.get(path).status_code == 503
