"""The HTML pages. All of them work without JavaScript, which adds convenience."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug import Response as BaseResponse
from werkzeug.exceptions import NotFound

from catalog import images
from catalog.keys import new_id
from catalog.limits import CONTENT_TYPES, MAX_BYTES
from web.backends import backends
from web.editing import EditConflictError, save
from web.listing import load_page
from web.payload import Words, read_edit_form, read_page_request
from web.presentation import BROWSER_TYPES, view

blueprint = Blueprint("gallery", __name__)

# What the file picker offers; the content of a file decides whether it is a picture. The known types stand first:
# Safari converts a picture of any other type to the first of them (https://github.com/WebKit/WebKit/pull/55090).
# Systems that do not know a type go by the ending of the name. Android offers files of an unknown type, and the camera,
# only if application/octet-stream is among them (https://issues.chromium.org/issues/40937303).
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
    page = read_page_request({name: value for name, value in request.args.items() if name in ("before", "q")})
    found, following = load_page(page)
    storage = backends().storage
    return render_template(
        "index.html",
        images=[view(image, storage) for image in found],
        following=following,
        page=page,
        accept=ACCEPT,
        max_bytes=MAX_BYTES,
    )


@blueprint.get("/images/<image_id:image_id>")
def image(image_id: str) -> str | BaseResponse:
    """Show one photo. S3 sends people here after a plain form, perhaps before anybody else knows of the photo."""
    found = _find(image_id)
    if "key" in request.args:  # what S3 adds is of no use to anybody
        return redirect(url_for(".image", image_id=image_id), 303)
    shown = found.content_type in BROWSER_TYPES and found.thumbnail_status != "failed"
    return render_template(
        "image.html",
        image=view(found, backends().storage),
        picture_url=url_for(".picture", image_id=image_id) if shown else None,
        download_url=url_for(".download", image_id=image_id),
    )


# Signed addresses expire after hours, and pages stay open for days: these two sign a fresh one each time.


@blueprint.get("/images/<image_id:image_id>/picture")
def picture(image_id: str) -> BaseResponse:
    """Lead to the whole picture, if it is of a kind that browsers show."""
    found = _find(image_id)
    if found.content_type not in BROWSER_TYPES:
        raise NotFound("Browsers cannot show this file. Download it instead.")
    return redirect(backends().storage.picture_url(image_id, found.filename, found.content_type))


@blueprint.get("/images/<image_id:image_id>/download")
def download(image_id: str) -> BaseResponse:
    """Lead to the file as it was uploaded."""
    return redirect(backends().storage.download_url(image_id, _find(image_id).filename))


@blueprint.get("/images/<image_id:image_id>/edit")
def edit(image_id: str) -> str:
    """Show a form with the words about a photo, for those without scripts."""
    shown = view(_find(image_id), backends().storage)
    return render_template("edit.html", image=shown, words=shown["annotation"], conflict=None)


@blueprint.post("/images/<image_id:image_id>/edit")
def save_edit(image_id: str) -> BaseResponse:
    """Save what was changed in the form; show it again beside what another person wrote meanwhile."""
    wanted = read_edit_form(request.form)
    try:
        if wanted.words != Words() and save(image_id, wanted) is None:
            raise _not_found()
    except EditConflictError as error:
        shown = view(error.current, backends().storage)
        words = {
            **shown["annotation"],
            **{name: text for name, text in asdict(wanted.words).items() if text is not None},
        }
        return make_response(render_template("edit.html", image=shown, words=words, conflict=str(error)), 409)
    return redirect(url_for(".image", image_id=image_id), 303)


@blueprint.post("/uploads")
def upload() -> Response:
    """Show a form that sends one photo to the bucket."""
    image_id = new_id()
    form = backends().storage.plain_upload_form(
        image_id, redirect_to=url_for(".image", image_id=image_id, _external=True)
    )
    response = make_response(render_template("upload.html", form=form, accept=ACCEPT, max_bytes=MAX_BYTES))
    response.headers["Cache-Control"] = "no-store"
    return response


def _find(image_id: str) -> images.Image:
    with backends().database.connection() as connection:
        found = images.get(connection, image_id)
        if found is None and (uploaded := backends().storage.find_upload(image_id)):
            found = images.register(connection, uploaded)
    if found is None:
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound("There is no such photo. It may have been deleted.")
