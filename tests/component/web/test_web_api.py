"""The JSON API, as its clients meet it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import images
from catalog.events import StoredObject
from catalog.images import Annotation
from catalog.keys import is_id, new_id, thumbnail_key, upload_key
from catalog.limits import CONTENT_TYPES, MAX_BYTES

NO_WORD = "There is no word to search for: type letters or digits."
UPLOAD = {"filename": "kite.jpg", "content_type": "image/jpeg", "bytes": 1234}


def message(response: Any) -> str:
    """Return the message of an error."""
    text: str = response.json["error"]["message"]
    return text


def ids(response: Any) -> list[str]:
    """Return the ids of a page."""
    return [image["id"] for image in response.json["images"]]


# ---- POST /api/uploads


def test_an_upload_gets_an_id_and_a_form(client: FlaskClient) -> None:
    response = client.post("/api/uploads", json=UPLOAD)
    assert response.status_code == 201
    assert is_id(response.json["id"])
    assert response.json["fields"]["key"] == upload_key(response.json["id"])
    assert response.json["fields"]["Content-Type"] == "image/jpeg"
    assert urlsplit(response.json["url"]).scheme == "https"


def test_a_form_is_kept_by_no_cache(client: FlaskClient) -> None:
    assert client.post("/api/uploads", json=UPLOAD).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["filename", "content_type", "bytes"])
def test_an_absent_value_is_named(client: FlaskClient, name: str) -> None:
    response = client.post("/api/uploads", json={key: value for key, value in UPLOAD.items() if key != name})
    assert response.status_code == 400
    assert response.json == {"error": {"code": "bad_request", "message": f"Missing: {name}."}}


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"bytes": 0}, 400, "empty"),
        ({"bytes": -1}, 400, "whole number"),
        ({"bytes": 1.5}, 400, "whole number"),
        ({"bytes": True}, 400, "whole number"),
        ({"bytes": "12"}, 400, "whole number"),
        ({"bytes": MAX_BYTES + 1}, 413, "larger than 50 MiB"),
        ({"content_type": None}, 400, "must be text"),
        ({"content_type": "jpeg"}, 400, "media type"),
        ({"content_type": "image/"}, 400, "media type"),
        ({"content_type": "/jpeg"}, 400, "media type"),
        ({"content_type": "image/jpeg/png"}, 400, "media type"),
        ({"content_type": "image jpeg"}, 400, "media type"),
        ({"content_type": "image/jpeg, image/png"}, 400, "media type"),
        ({"content_type": "image/jp\u00e9g"}, 400, "media type"),
        ({"content_type": "image/\u212apeg"}, 400, "media type"),
        ({"content_type": "image/jpeg\n"}, 400, "media type"),
        ({"content_type": "image/jpeg\r\nx-amz-acl: public-read"}, 400, "media type"),
        ({"content_type": "image/jpeg; name=\r\n"}, 400, "media type"),
        ({"content_type": "image/jpeg\0"}, 400, "media type"),
        ({"content_type": "image/jpeg; \x7f"}, 400, "media type"),
        ({"content_type": "\n"}, 400, "media type"),
        ({"content_type": "image/" + "x" * 95}, 400, "at most 100 characters"),
        ({"filename": ""}, 400, "must not be empty"),
        ({"filename": ["a"]}, 400, "must be text"),
        ({"filename": "x" * 1001}, 400, "at most 1000 characters"),
        ({"filename": "\ud800"}, 400, "broken character"),
        ({"colour": "red"}, 400, "Unknown: 'colour'"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(
    client: FlaskClient, change: dict[str, Any], status: int, words: str
) -> None:
    response = client.post("/api/uploads", json=UPLOAD | change)
    assert response.status_code == status
    assert words in message(response)


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
def test_any_media_type_is_accepted_and_signed_as_a_picture_or_as_bytes(
    client: FlaskClient, sent: str, signed: str
) -> None:
    response = client.post("/api/uploads", json=UPLOAD | {"content_type": sent})
    assert response.status_code == 201
    assert response.json["fields"]["Content-Type"] == signed


@given(
    sent=st.builds("{}{}{}".format, st.text(max_size=5), st.sampled_from(["", *CONTENT_TYPES]), st.text(max_size=80))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, database=None)
def test_whatever_is_sent_as_a_type_only_known_types_are_signed(client: FlaskClient, sent: str) -> None:
    response = client.post("/api/uploads", json=UPLOAD | {"content_type": sent})
    if response.status_code == 201:
        assert response.json["fields"]["Content-Type"] in {*CONTENT_TYPES, "application/octet-stream"}
    else:
        assert response.status_code == 400
        assert "content_type" in message(response)


@pytest.mark.parametrize("body", ["", "{", "[1]", '"text"', "null", "1"])
def test_a_body_that_is_no_json_object_is_refused(client: FlaskClient, body: str) -> None:
    response = client.post("/api/uploads", data=body, content_type="application/json")
    assert response.status_code == 400


def test_a_form_encoded_body_is_refused(client: FlaskClient) -> None:
    response = client.post("/api/uploads", data=UPLOAD)
    assert response.status_code == 415
    assert "application/json" in message(response)


def test_a_body_is_read_only_up_to_a_limit(client: FlaskClient) -> None:
    assert client.post("/api/uploads", json=UPLOAD | {"filename": "x" * 200_000}).status_code == 413


# ---- PUT /api/images/<id>


def test_completion_makes_a_photo_known(client: FlaskClient, store: Any) -> None:
    image_id = store("kite.jpg")
    response = client.put(f"/api/images/{image_id}")
    assert response.status_code == 200
    assert response.json["id"] == image_id
    assert response.json["thumbnail"]["status"] == response.json["annotation"]["status"] == "pending"
    assert client.get(f"/api/images/{image_id}").json == response.json


def test_completion_may_be_repeated(client: FlaskClient, store: Any) -> None:
    image_id = store()
    first = client.put(f"/api/images/{image_id}")
    assert client.put(f"/api/images/{image_id}").json == first.json
    assert ids(client.get("/api/images")) == [image_id]


def test_completion_without_an_upload_is_not_found(client: FlaskClient) -> None:
    assert client.put(f"/api/images/{new_id()}").status_code == 404


def test_completion_does_not_bring_a_deleted_photo_back(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    with catalogue.database.connection() as connection:
        images.delete(connection, image_id)
    assert client.put(f"/api/images/{image_id}").status_code == 410


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
def test_a_file_name_travels_through_the_form(client: FlaskClient, sent: str, shown: str) -> None:
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


# ---- GET /api/images


def test_an_empty_gallery_is_an_empty_page(client: FlaskClient) -> None:
    assert client.get("/api/images").json == {"images": [], "next": None}


def test_photos_come_newest_first_and_page_by_page(client: FlaskClient, catalogue: Any) -> None:
    newest_first = [catalogue.add(f"{number}.jpg") for number in range(5)][::-1]
    first = client.get("/api/images?limit=2")
    second = client.get("/api/images", query_string={"limit": 2, "before": first.json["next"]})
    third = client.get("/api/images", query_string={"limit": 2, "before": second.json["next"]})
    assert ids(first) + ids(second) + ids(third) == newest_first
    assert third.json["next"] is None


def test_a_full_last_page_knows_that_it_is_the_last(client: FlaskClient, catalogue: Any) -> None:
    for _ in range(2):
        catalogue.add()
    assert client.get("/api/images?limit=2").json["next"] is None


def test_a_photo_is_shown_with_all_that_is_known(
    client: FlaskClient, catalogue: Any, known_photo: dict[str, Any]
) -> None:
    (image,) = client.get("/api/images").json["images"]
    assert image.pop("uploaded_at").endswith("Z")
    url = image["thumbnail"].pop("url")
    assert urlsplit(url).path == "/" + thumbnail_key(known_photo["id"])
    assert image == known_photo


def test_a_failed_photo_tells_why(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add(thumbnail="Not a picture.", annotation="Nothing to describe.")
    image = client.get(f"/api/images/{image_id}").json
    assert (image["thumbnail"]["status"], image["thumbnail"]["reason"]) == ("failed", "Not a picture.")
    assert (image["annotation"]["status"], image["annotation"]["reason"]) == ("failed", "Nothing to describe.")
    assert image["thumbnail"]["url"] is None


def test_a_search_finds_words_of_names_captions_and_tags(client: FlaskClient, catalogue: Any, known_photo: Any) -> None:
    catalogue.add("other.jpg")
    for query in ("beach", "KITE red", "sand", "kite.jpg"):
        assert ids(client.get("/api/images", query_string={"q": query})) == [known_photo["id"]], query
    assert ids(client.get("/api/images?q=submarine")) == []


@given(query=st.text(max_size=200) | st.text(alphabet="+-<>()~*\"@'%\\ ab", max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_search_is_answered_or_has_no_word(client: FlaskClient, query: str) -> None:
    response = client.get("/api/images", query_string={"q": query})
    assert response.status_code == 200 or message(response) == NO_WORD


@pytest.mark.parametrize("query", ["+", "*", "@", "🙂", "- ! ?"])
def test_a_search_without_any_word_is_refused(client: FlaskClient, query: str) -> None:
    response = client.get("/api/images", query_string={"q": query})
    assert (response.status_code, message(response)) == (400, NO_WORD)


@pytest.mark.parametrize("query", ["", " ", "\t \n"])
def test_an_empty_search_lists_all_photos(client: FlaskClient, known_photo: Any, query: str) -> None:
    assert ids(client.get("/api/images", query_string={"q": query})) == [known_photo["id"]]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=1e9", "limit=abc", "limit=-1", "limit=", "limit=%D9%A3", "limit=1_0"],
)
def test_a_wrong_limit_is_refused(client: FlaskClient, query: str) -> None:
    response = client.get(f"/api/images?{query}")
    assert response.status_code == 400
    assert message(response) == "limit must be a whole number from 1 to 100."


@pytest.mark.parametrize("before", ["", "1", "' OR 1=1 --", "0" * 36, "01A2055E-5238-7ED9-BA5E-EF4E074CCEA3"])
def test_a_cursor_that_is_no_id_is_refused(client: FlaskClient, before: str) -> None:
    assert client.get("/api/images", query_string={"before": before}).status_code == 400


def test_a_whole_caption_finds_its_photo(client: FlaskClient, catalogue: Any, annotation: Annotation) -> None:
    caption = "A red kite over the beach, in the wind of an autumn day. " * 35
    image_id = catalogue.add(annotation=replace(annotation, caption=caption))
    assert ids(client.get("/api/images", query_string={"q": caption})) == [image_id]


@pytest.mark.parametrize("path", ["/api/images", "/api/images/{id}"])
def test_what_did_not_change_is_not_sent_again(client: FlaskClient, catalogue: Any, path: str) -> None:
    path = path.format(id=catalogue.add())
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_what_changed_is_sent_again(client: FlaskClient, catalogue: Any) -> None:
    path = f"/api/images/{catalogue.add()}"
    etag = client.get(path).headers["ETag"]
    client.patch(path, json={"caption": "New"})
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("image_id", ["1", "..", "0" * 36, "%00", "01a2055e-5238-4ed9-ba5e-ef4e074ccea3"])
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_what_is_no_id_is_not_found(client: FlaskClient, method: str, image_id: str) -> None:
    assert client.open(f"/api/images/{image_id}", method=method, json={}).status_code == 404


# ---- PATCH /api/images/<id>


def test_an_edit_changes_what_it_names_and_leaves_the_rest(client: FlaskClient, known_photo: Any) -> None:
    response = client.patch(f"/api/images/{known_photo['id']}", json={"caption": "  Our kite 🪁 "})
    annotation = response.json["annotation"]
    assert annotation["caption"] == "Our kite 🪁"
    assert annotation["alt_text"] == known_photo["annotation"]["alt_text"]
    assert annotation["tags"] == known_photo["annotation"]["tags"]
    assert annotation["edited"] is True


def test_an_edit_replaces_a_failed_annotation(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add(annotation="Refused.")
    annotation = client.patch(f"/api/images/{image_id}", json={"caption": "Mine"}).json["annotation"]
    assert (annotation["status"], annotation["reason"]) == ("ready", None)


def test_a_caption_can_be_emptied(client: FlaskClient, known_photo: Any) -> None:
    assert client.patch(f"/api/images/{known_photo['id']}", json={"caption": ""}).json["annotation"]["caption"] == ""


def test_empty_and_repeated_tags_are_dropped(client: FlaskClient, known_photo: Any) -> None:
    tags = ["Sea", " sea ", "", "   ", "wide\t sky"]
    response = client.patch(f"/api/images/{known_photo['id']}", json={"tags": tags})
    assert response.json["annotation"]["tags"] == ["Sea", "wide sky"]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({}, "at least one"),
        ({"caption": None}, "caption must be text"),
        ({"caption": 5}, "caption must be text"),
        ({"caption": "x" * 2001}, "caption may have at most 2000 characters"),
        ({"alt_text": "x" * 2001}, "alt_text may have at most 2000 characters"),
        ({"tags": "sea"}, "tags must be a list"),
        ({"tags": [1]}, "each tag must be text"),
        ({"tags": ["x" * 51]}, "each tag may have at most 50 characters"),
        ({"tags": ["x"] * 31}, "At most 30 tags"),
        ({"caption": "x", "model": "me"}, "Unknown: 'model'"),
        ({"seen": {"caption": "x"}}, "at least one"),
        ({"caption": "x", "seen": "x"}, "seen must be an object"),
        ({"caption": "x", "seen": {"caption": 5}}, "seen.caption must be text or null"),
        ({"caption": "x", "seen": {"tags": [1]}}, "seen.tags must be a list of texts"),
        ({"caption": "x", "seen": {"model": "me"}}, "Unknown: 'model'"),
    ],
)
def test_a_wrong_edit_is_refused_with_the_reason(
    client: FlaskClient, known_photo: Any, edit: dict[str, Any], words: str
) -> None:
    response = client.patch(f"/api/images/{known_photo['id']}", json=edit)
    assert response.status_code == 400
    assert words in message(response)


def test_two_people_may_edit_different_words(client: FlaskClient, known_photo: Any) -> None:
    path, words = f"/api/images/{known_photo['id']}", known_photo["annotation"]
    client.patch(path, json={"caption": "Hers", "seen": {"caption": words["caption"]}})
    response = client.patch(path, json={"alt_text": "His", "seen": {"alt_text": words["alt_text"]}})
    assert response.status_code == 200
    assert (response.json["annotation"]["caption"], response.json["annotation"]["alt_text"]) == ("Hers", "His")


EDITS: list[tuple[str, Any, Any]] = [("caption", "Hers", "His"), ("alt_text", "Hers", "His"), ("tags", ["a"], ["b"])]


@pytest.mark.parametrize(("name", "hers", "his"), EDITS)
def test_the_second_of_two_edits_of_the_same_words_is_refused(
    client: FlaskClient, known_photo: Any, name: str, hers: Any, his: Any
) -> None:
    path, seen = f"/api/images/{known_photo['id']}", {name: known_photo["annotation"][name]}
    client.patch(path, json={name: hers, "seen": seen})
    response = client.patch(path, json={name: his, "seen": seen})
    assert response.status_code == 409
    assert response.json["error"]["code"] == "conflict"
    assert client.get(path).json["annotation"][name] == hers
    assert client.patch(path, json={name: his, "seen": {name: hers}}).json["annotation"][name] == his


def test_an_edit_may_be_repeated(client: FlaskClient, known_photo: Any) -> None:
    edit = {"caption": "Mine", "seen": {"caption": known_photo["annotation"]["caption"]}}
    for _ in range(2):
        assert client.patch(f"/api/images/{known_photo['id']}", json=edit).status_code == 200


def test_words_of_a_function_are_no_conflict(client: FlaskClient, catalogue: Any, annotation: Any) -> None:
    image_id = catalogue.add(annotation=annotation)
    edit = {"caption": "Mine", "seen": {"caption": None}}
    assert client.patch(f"/api/images/{image_id}", json=edit).json["annotation"]["caption"] == "Mine"


def test_an_edit_that_does_not_say_what_was_seen_replaces_it(client: FlaskClient, known_photo: Any) -> None:
    path = f"/api/images/{known_photo['id']}"
    client.patch(path, json={"caption": "Hers"})
    assert client.patch(path, json={"caption": "His"}).json["annotation"]["caption"] == "His"


def test_an_edit_of_an_unknown_photo_is_not_found(client: FlaskClient) -> None:
    assert client.patch(f"/api/images/{new_id()}", json={"caption": "x"}).status_code == 404


# ---- POST /api/images/<id>/retry


def test_a_retry_sends_the_photo_to_the_functions_that_have_not_finished(
    client: FlaskClient, catalogue: Any, invocations: list[Any], bucket: str
) -> None:
    image_id = catalogue.add(thumbnail="Out of memory.", annotation="Refused.")
    response = client.post(f"/api/images/{image_id}/retry")
    assert response.status_code == 202
    assert response.json["thumbnail"]["status"] == response.json["annotation"]["status"] == "pending"
    assert [call.function for call in invocations] == ["the-thumbnail-function", "the-annotate-function"]
    for call in invocations:
        assert call.kind == "Event"
        assert call.photos == [StoredObject(bucket, upload_key(image_id))]


def test_a_retry_leaves_alone_what_is_ready(
    client: FlaskClient, catalogue: Any, invocations: list[Any], thumbnail: Any
) -> None:
    image_id = catalogue.add(thumbnail=thumbnail, annotation="Refused.")
    assert client.post(f"/api/images/{image_id}/retry").json["thumbnail"]["status"] == "ready"
    assert [call.function for call in invocations] == ["the-annotate-function"]


def test_a_retry_of_an_unknown_photo_is_not_found(client: FlaskClient, invocations: list[Any]) -> None:
    assert client.post(f"/api/images/{new_id()}/retry").status_code == 404
    assert invocations == []


# ---- DELETE /api/images/<id>


def test_a_deleted_photo_is_gone_with_its_files(client: FlaskClient, catalogue: Any, bucket: str) -> None:
    image_id = catalogue.add()
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=thumbnail_key(image_id), Body=b"x")
    assert client.delete(f"/api/images/{image_id}").status_code == 204
    assert client.get(f"/api/images/{image_id}").status_code == 404
    assert ids(client.get("/api/images")) == []
    for key in (upload_key(image_id), thumbnail_key(image_id)):
        with pytest.raises(ClientError, match="404"):
            s3.head_object(Bucket=bucket, Key=key)


def test_a_deletion_may_be_repeated(client: FlaskClient, catalogue: Any) -> None:
    image_id = catalogue.add()
    assert [client.delete(f"/api/images/{image_id}").status_code for _ in range(2)] == [204, 204]
