"""Photos in the bucket and database of a web application under test."""

from dataclasses import dataclass, replace
from functools import partial

from flask import Flask

from catalog import images
from catalog.database import Database
from catalog.images import Annotation, Thumbnail
from support import catalog_rows, uploads
from support.catalog_rows import THUMBNAIL

BUCKET = "photos-of-the-tests"
FILE = b"\xff\xd8\xff the web process never reads the content"
ANNOTATION = replace(catalog_rows.ANNOTATION, tags=("kite", "sandy beach"))


put_upload = partial(uploads.put_upload, BUCKET, FILE)
"""Puts a file into the bucket of the gallery, and returns its image id."""


@dataclass(frozen=True)
class GalleryPhotos:
    """Adds photos in the state that a test needs."""

    database: Database
    app: Flask

    def add(
        self,
        filename: str = "kite.jpg",
        *,
        thumbnail: Thumbnail | str | None = None,
        annotation: Annotation | str | None = None,
    ) -> str:
        """Add a photo to bucket and database. A part is pending if None, or failed if given a reason."""
        image_id = put_upload(filename)
        upload = self.app.extensions["backends"].storage.find_upload(image_id)
        with self.database.connection() as connection:
            images.register(connection, upload)
            if isinstance(thumbnail, Thumbnail):
                images.thumbnail_ready(connection, image_id, upload.etag, thumbnail)
            elif thumbnail is not None:
                images.thumbnail_failed(connection, image_id, upload.etag, thumbnail)
            if isinstance(annotation, Annotation):
                images.annotation_ready(connection, image_id, upload.etag, annotation)
            elif annotation is not None:
                images.annotation_failed(connection, image_id, upload.etag, annotation)
        return image_id

    def add_ready(self) -> str:
        """Add a photo with THUMBNAIL and ANNOTATION."""
        return self.add(thumbnail=THUMBNAIL, annotation=ANNOTATION)

    def add_deleted(self) -> str:
        """Add a photo whose row is deleted, while its file still exists."""
        image_id = self.add()
        with self.database.connection() as connection:
            images.delete(connection, image_id)
        return image_id

    def age(self, image_id: str, seconds: int) -> None:
        """Set the upload time of a photo to some seconds ago."""
        with self.database.connection() as connection, connection.cursor() as cursor:
            statement = "UPDATE image SET uploaded_at = UTC_TIMESTAMP() - INTERVAL %s SECOND WHERE id = %s"
            cursor.execute(statement, (seconds, image_id))
