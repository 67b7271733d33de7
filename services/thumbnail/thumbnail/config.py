"""Configuration of the thumbnail function."""

from dataclasses import dataclass

from catalog.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class ThumbnailSettings(DatabaseSettings):
    """The bucket of photos, and the database."""

    bucket_name: str
