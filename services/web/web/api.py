"""The JSON API. /openapi.json publishes its docstrings."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import Gone, NotFound, PreconditionFailed

from catalog import images, pause, vocabulary
from catalog.keys import new_id
from web.backends import backends
from web.bulk import annotate_again, annotate_selection, retry_selection
from web.editing import save
from web.inputs import AnnotatedSelection, AnotherAnnotation, Edit, FailedSelection, PageQuery, UploadRequest, WordQuery
from web.listing import load_page
from web.openapi import Operation
from web.payload import (
    read_annotated_selection,
    read_another_annotation,
    read_edit,
    read_failed_selection,
    read_page_query,
    read_upload,
    read_word_query,
)
from web.presentation import view, view_pause, view_statistics
from web.schemas import Estimate, ImagePage, Retried, Statistics, UploadForm, WordCount, WordList
from web.schemas import Image as ImageAnswer

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.post("/uploads")
@Operation("uploads", {201: UploadForm}, body=UploadRequest)
def create_upload() -> tuple[Response, int]:
    """Request a form to upload one file.

    The form accepts one file and is valid for an hour. Post its fields, and after them the file with the name `file`,
    to its URL as multipart/form-data.
    """
    wanted = read_upload(request)
    form = backends().storage.upload_form(new_id(), wanted.filename, wanted.content_type)
    response = jsonify(form)
    response.headers["Cache-Control"] = "no-store"
    return response, 201


@blueprint.get("/images")
@Operation("photos", {200: ImagePage}, query=PageQuery)
def list_images() -> Response:
    """List photos, newest first, or search them."""
    page = load_page(read_page_query(request.args))
    empty = ImagePage(images=[], next=page.following, paused=view_pause(page.paused), search=page.search)
    body = empty.model_dump_json().replace("[]", f"[{backends().rendering.objects(page.images)}]", 1)
    return _revalidated(Response(body, mimetype="application/json"))


@blueprint.get("/words")
@Operation("photos", {200: WordList}, query=WordQuery)
def list_words() -> Response:
    """List the most frequent words with a prefix.

    Words of a new photo appear within two minutes.
    """
    with backends().database.connection() as connection:
        found = vocabulary.suggest(connection, read_word_query(request.args).prefix)
    return _revalidated(jsonify(WordList(words=[WordCount(**asdict(word)) for word in found])))


@blueprint.get("/images/<image_id:image_id>")
@Operation("photos", {200: ImageAnswer})
def get_image(image_id: str) -> Response:
    """Get one photo."""
    with backends().database.connection() as connection:
        image = images.get(connection, image_id)
    if image is None:
        raise _not_found()
    return _revalidated(_image_response(image))


@blueprint.put("/images/<image_id:image_id>")
@Operation("uploads", {200: ImageAnswer}, errors=(410,))
def complete_upload(image_id: str) -> Response:
    """Complete an upload.

    Idempotent. Without this request the photo appears a little later.
    """
    upload = backends().storage.find_upload(image_id)
    if upload is None:
        raise NotFound("This upload does not exist. Send the file first, with a form from /api/uploads.")
    with backends().database.connection() as connection:
        image = images.register(connection, upload)
    if image is None:
        raise Gone("This photo was deleted.")
    return _image_response(image)


@blueprint.patch("/images/<image_id:image_id>")
@Operation("photos", {200: ImageAnswer}, errors=(409,), body=Edit)
def edit_image(image_id: str) -> Response:
    """Edit the caption, alternative text or tags of a photo.

    Omitted fields stay unchanged. The generated text that a person's text replaces is kept in `generated`. With
    `seen`, the edit is refused if another person changed the field in the meantime; without it, the last edit wins.
    """
    image = save(image_id, read_edit(request))
    if image is None:
        raise _not_found()
    return _image_response(image)


@blueprint.post("/images/<image_id:image_id>/retry")
@Operation("photos", {202: ImageAnswer})
def retry_image(image_id: str) -> tuple[Response, int]:
    """Process again the parts of a photo that are not ready."""
    with backends().database.connection() as connection:
        images.retry(connection, image_id)
        image = images.get(connection, image_id)
    if image is None:
        raise _not_found()
    backends().functions.send_again(image)
    return _image_response(image), 202


@blueprint.post("/images/<image_id:image_id>/restore")
@Operation("photos", {200: ImageAnswer})
def restore_image(image_id: str) -> Response:
    """Restore the generated texts of a photo that a person's texts replaced.

    Idempotent.
    """
    with backends().database.connection() as connection:
        images.restore(connection, image_id)
        image = images.get(connection, image_id)
    if image is None:
        raise _not_found()
    return _image_response(image)


@blueprint.post("/images/<image_id:image_id>/annotate")
@Operation("photos", {202: ImageAnswer}, body=AnotherAnnotation)
def annotate_image(image_id: str) -> tuple[Response, int]:
    """Annotate a photo again.

    The photo waits in the queue and keeps its texts until the new ones are there. A person's texts stay, and the new
    ones are in `generated`, unless `overwrite` is true. A photo that already waits for an annotation stays as it is.
    """
    wanted = read_another_annotation(request)
    image = annotate_again(image_id, wanted)
    if image is None:
        raise _not_found()
    return _image_response(image), 202


@blueprint.post("/annotate")
@Operation("operation", {200: Estimate}, body=AnnotatedSelection)
def annotate_images() -> Response:
    """Annotate the selected photos again, or estimate what that costs.

    Photos that already wait for an annotation are left out.
    """
    return jsonify(annotate_selection(read_annotated_selection(request)))


@blueprint.post("/retry")
@Operation("operation", {200: Retried}, body=FailedSelection)
def retry_images() -> Response:
    """Process the selected photos that failed again, or count them."""
    return jsonify(retry_selection(read_failed_selection(request)))


@blueprint.get("/stats")
@Operation("operation", {200: Statistics})
def get_statistics() -> Response:
    """Get statistics of photos, costs and the queue."""
    with backends().database.connection() as connection:
        paused = pause.current(connection)
    return _revalidated(jsonify(view_statistics(backends().statistics.load(), paused)))


@blueprint.delete("/images/<image_id:image_id>")
@Operation("photos", {204: None})
def delete_image(image_id: str) -> tuple[str, int]:
    """Delete a photo permanently.

    Idempotent.
    """
    database, storage = backends().database, backends().storage
    with database.connection() as connection:  # fails before anything is deleted if the database is unavailable
        image = images.get(connection, image_id)
    if image is None and (upload := storage.find_upload(image_id)):
        # Create a row to delete; otherwise a function that is processing the file would create a live one later.
        with database.connection() as connection:
            images.register(connection, upload)
    # Delete the row after the files: if deleting a file fails, the photo stays visible and can be deleted again.
    storage.delete(image_id)
    with database.connection() as connection:
        images.delete(connection, image_id)
    storage.delete(image_id)  # files that a browser or function stored in the meantime
    return "", 204


def _image_response(image: images.Image) -> Response:
    return jsonify(view(image, backends().storage))


def _revalidated(response: Response) -> Response:
    """Return 304 without a body if the client already has this response."""
    response.add_etag(weak=True)  # weak, because compression changes the bytes
    response.make_conditional(request)
    if response.status_code == 412:
        raise PreconditionFailed("If-Match does not match the current version.")
    return response


def _not_found() -> NotFound:
    return NotFound("This photo does not exist. It may have been deleted.")
