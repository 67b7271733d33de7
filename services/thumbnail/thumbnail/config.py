"""What the thumbnail function reads from its environment."""

from dataclasses import dataclass

from catalog.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class ThumbnailSettings(DatabaseSettings):
    """Where the photos and the catalogue are."""

    bucket_name: str
