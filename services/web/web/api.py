"""The JSON API; `openapi.json` describes it."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import Gone, NotFound, PreconditionFailed

from catalog import images
from catalog.keys import new_id
from web.backends import backends
from web.editing import save
from web.listing import load_page
from web.payload import read_edit, read_page_request, read_upload
from web.presentation import view

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.post("/uploads")
def create_upload() -> tuple[Response, int]:
    """Answer a form with which the browser sends one file to the bucket."""
    wanted = read_upload(request)
    image_id = new_id()
    form = backends().storage.upload_form(image_id, wanted.filename, wanted.content_type)
    response = jsonify(id=image_id, url=form.url, fields=form.fields)
    response.headers["Cache-Control"] = "no-store"
    return response, 201


@blueprint.get("/images")
def list_images() -> Response:
    """Answer a page of photos, newest first."""
    found, following = load_page(read_page_request(request.args))
    storage = backends().storage
    return _revalidated(jsonify(images=[view(image, storage) for image in found], next=following))


@blueprint.get("/images/<image_id:image_id>")
def get_image(image_id: str) -> Response:
    """Answer one photo."""
    with backends().database.connection() as connection:
        image = images.get(connection, image_id)
    if image is None:
        raise _not_found()
    return _revalidated(_image_response(image))


@blueprint.put("/images/<image_id:image_id>")
def complete_upload(image_id: str) -> Response:
    """Take note of an upload that has ended. Safe to repeat."""
    upload = backends().storage.find_upload(image_id)
    if upload is None:
        raise NotFound("There is no such upload. Send the file first, with a form from /api/uploads.")
    with backends().database.connection() as connection:
        image = images.register(connection, upload)
    if image is None:
        raise Gone("This photo was deleted.")
    return _image_response(image)


@blueprint.patch("/images/<image_id:image_id>")
def edit_image(image_id: str) -> Response:
    """Replace words about a photo by a person's."""
    image = save(image_id, read_edit(request))
    if image is None:
        raise _not_found()
    return _image_response(image)


@blueprint.post("/images/<image_id:image_id>/retry")
def retry_image(image_id: str) -> tuple[Response, int]:
    """Start again whatever is not ready."""
    with backends().database.connection() as connection:
        images.retry(connection, image_id)
        image = images.get(connection, image_id)
    if image is None:
        raise _not_found()
    backends().functions.send_again(image)
    return _image_response(image), 202


@blueprint.delete("/images/<image_id:image_id>")
def delete_image(image_id: str) -> tuple[str, int]:
    """Delete a photo for good. Safe to repeat."""
    database, storage = backends().database, backends().storage
    with database.connection() as connection:  # nothing is deleted while the database is away
        image = images.get(connection, image_id)
    if image is None and (upload := storage.find_upload(image_id)):
        # It needs a row that is deleted: a function that has read the file would make one that is not.
        with database.connection() as connection:
            images.register(connection, upload)
    # The row after the files: as long as there are any, somebody can see the photo and delete it once more.
    storage.delete(image_id)
    with database.connection() as connection:
        images.delete(connection, image_id)
    storage.delete(image_id)  # what a browser or a function has put there meanwhile
    return "", 204


def _image_response(image: images.Image) -> Response:
    return jsonify(view(image, backends().storage))


def _revalidated(response: Response) -> Response:
    """Answer 304 without a body to a client that has this response already."""
    response.add_etag(weak=True)  # the same answer may be sent compressed or not
    response.make_conditional(request)
    if response.status_code == 412:
        raise PreconditionFailed("If-Match asks for a version that is not the current one.")
    return response


def _not_found() -> NotFound:
    return NotFound("There is no such photo; it may have been deleted.")
