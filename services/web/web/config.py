"""Configuration of the web service."""

from dataclasses import dataclass

from catalog.database import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class WebSettings(DatabaseSettings):
    """The bucket of photos, and the names or ARNs of the functions that a retry invokes."""

    bucket_name: str
    thumbnail_function: str
    annotate_function: str
