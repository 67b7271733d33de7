"""The HTML pages. All of them work without JavaScript."""

from __future__ import annotations

import shlex

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug import Response as BaseResponse
from werkzeug.exceptions import NotFound

from catalog import images, pause, stats
from catalog.keys import new_id
from catalog.limits import CONTENT_TYPES, MAX_BYTES
from catalog.selection import SelectionError
from web import schemas
from web.backends import backends
from web.bulk import annotate_again, annotate_selection, retry_selection
from web.editing import EditConflictError, save
from web.inputs import AnnotatedSelection, AnotherAnnotation
from web.listing import load_page
from web.payload import read_edit_form, read_page_query, read_selection_form
from web.presentation import BROWSER_TYPES, is_stuck, view, view_pause, view_statistics
from web.schemas import Estimate

blueprint = Blueprint("gallery", __name__)

# Files that the picker offers; a file's content decides whether it is a picture. Known types come first, because Safari
# converts other pictures to the first type (https://github.com/WebKit/WebKit/pull/55090). Systems that do not know a
# type use the extension. Android offers files of unknown types, and the camera, only with application/octet-stream
# (https://issues.chromium.org/issues/40937303).
ACCEPT = ",".join(
    (
        *CONTENT_TYPES,
        "image/*",
        *(".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs", ".apng", ".jfif", ".jpg_large", ".mpo"),
        "application/octet-stream",
    )
)


@blueprint.get("/")
def index() -> str:
    """Show photos, newest first."""
    page = read_page_query({name: value for name, value in request.args.items() if name in ("before", "q")})
    listing = load_page(page)
    found = listing.search
    return render_template(
        "index.html",
        cards=backends().rendering.cards(listing.images, is_paused=listing.paused is not None),
        following=listing.following,
        paused=view_pause(listing.paused),
        page=page,
        found=found,
        parts=sorted({part for parts in found.highlights.values() for part in parts}) if found else [],
        accept=ACCEPT,
        max_bytes=MAX_BYTES,
    )


@blueprint.get("/images/<image_id:image_id>")
def image(image_id: str) -> str | BaseResponse:
    """Show one photo. S3 redirects here after a plain form upload, possibly before the photo has a row."""
    found = _find(image_id)
    if "key" in request.args:  # drop the parameters that S3 added
        return redirect(url_for(".image", image_id=image_id), 303)
    shown = found.content_type in BROWSER_TYPES and found.thumbnail_status != "failed"
    return render_template(
        "image.html",
        image=view(found, backends().storage),
        is_stuck=is_stuck(found),
        paused=_paused(),
        picture_url=url_for(".picture", image_id=image_id) if shown else None,
        download_url=url_for(".download", image_id=image_id),
    )


# Presigned URLs expire after hours, but pages stay open for days. These two views sign a new URL for each request.


@blueprint.get("/images/<image_id:image_id>/picture")
def picture(image_id: str) -> BaseResponse:
    """Redirect to the full-size picture, if browsers can show its type."""
    found = _find(image_id)
    if found.content_type not in BROWSER_TYPES:
        raise NotFound("Browsers can't show this file. Download it instead.")
    return redirect(backends().storage.picture_url(image_id, found.filename, found.content_type))


@blueprint.get("/images/<image_id:image_id>/download")
def download(image_id: str) -> BaseResponse:
    """Redirect to the original file."""
    return redirect(backends().storage.download_url(image_id, _find(image_id).filename))


@blueprint.get("/images/<image_id:image_id>/edit")
def edit(image_id: str) -> str:
    """Show the edit form for browsers without JavaScript."""
    shown = view(_find(image_id), backends().storage)
    return render_template("edit.html", image=shown, texts=shown.annotation, conflict=None)


@blueprint.post("/images/<image_id:image_id>/edit")
def save_edit(image_id: str) -> BaseResponse:
    """Save the changed fields. On a conflict, show the form again with both versions."""
    edit = read_edit_form(request.form)
    try:
        if edit.changes and save(image_id, edit) is None:
            raise _not_found()
    except EditConflictError as error:
        shown = view(error.current, backends().storage)
        texts = shown.annotation.model_copy(update=edit.changes)
        return make_response(render_template("edit.html", image=shown, texts=texts, conflict=str(error)), 409)
    return redirect(url_for(".image", image_id=image_id), 303)


@blueprint.post("/images/<image_id:image_id>/restore")
def restore(image_id: str) -> BaseResponse:
    """Restore the generated texts of a photo."""
    with backends().database.connection() as connection:
        if not images.restore(connection, image_id):
            raise _not_found()
    return redirect(url_for(".image", image_id=image_id), 303)


@blueprint.post("/images/<image_id:image_id>/annotate")
def describe_again(image_id: str) -> BaseResponse:
    """Queue a photo for another annotation, which keeps a person's texts."""
    if annotate_again(image_id, AnotherAnnotation()) is None:
        raise _not_found()
    return redirect(url_for(".image", image_id=image_id), 303)


@blueprint.get("/annotate")
def annotate() -> str | Response:
    """Show the forms that annotate photos again, and what this costs for a selection."""
    if "where" not in request.args:
        return _annotate_page(AnnotatedSelection(where=""))
    wanted = read_selection_form(request.args, is_applied=False)
    try:
        return _annotate_page(wanted, estimate=annotate_selection(wanted))
    except SelectionError as error:
        return make_response(_annotate_page(wanted, problem=str(error)), 400)


@blueprint.post("/annotate")
def apply_annotate() -> BaseResponse:
    """Queue the selected photos for another annotation."""
    queued = annotate_selection(read_selection_form(request.form, is_applied=True)).images
    return redirect(url_for(".annotate", queued=queued), 303)


@blueprint.post("/retry")
def apply_retry() -> BaseResponse:
    """Queue the selected photos that failed."""
    queued = retry_selection(read_selection_form(request.form, is_applied=True)).images
    return redirect(url_for(".annotate", queued=queued), 303)


def _annotate_page(wanted: AnnotatedSelection, *, estimate: Estimate | None = None, problem: str = "") -> str:
    with backends().bulk.connection() as connection:
        reasons = stats.failure_reasons(connection)
    return render_template(
        "annotate.html",
        wanted=wanted,
        estimate=estimate,
        problem=problem,
        reasons=[(found, f"reason:{shlex.quote(found.reason)}") for found in reasons],
        queued=request.args.get("queued", type=int),
        paused=_paused(),
    )


@blueprint.get("/stats")
def statistics() -> str:
    """Show statistics of photos, costs and the queue."""
    with backends().database.connection() as connection:
        paused = pause.current(connection)
    shown = view_statistics(backends().statistics.load(), paused)
    return render_template("stats.html", statistics=shown, paused=shown.paused)


@blueprint.post("/uploads")
def upload() -> Response:
    """Show a form that uploads one photo to the bucket."""
    image_id = new_id()
    form = backends().storage.plain_upload_form(
        image_id, redirect_to=url_for(".image", image_id=image_id, _external=True)
    )
    response = make_response(render_template("upload.html", form=form, accept=ACCEPT, max_bytes=MAX_BYTES))
    response.headers["Cache-Control"] = "no-store"
    return response


def _paused() -> schemas.Pause | None:
    with backends().database.connection() as connection:
        return view_pause(pause.current(connection))


def _find(image_id: str) -> images.Image:
    with backends().database.connection() as connection:
        found = images.get(connection, image_id)
        if found is None and (uploaded := backends().storage.find_upload(image_id)):
            found = images.register(connection, uploaded)
    if found is None:
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound("This photo does not exist. It may have been deleted.")
