"""File names of uploads: kept in the object's metadata, cleaned before they are shown or stored."""

import codecs
import re
from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.header import decode_header
from urllib.parse import quote, unquote

MAX_FILENAME_CHARACTERS = 255

FORM_FILENAME_METADATA = {"form-filename": "${filename}"}
"""Object metadata for a form without JavaScript: S3 fills in the name of the chosen file."""


def filename_metadata(filename: str) -> dict[str, str]:
    """Return object metadata that holds a file name; percent-encoded, because S3 metadata is ASCII."""
    return {"filename": quote(filename, safe="")}


def read_filename(metadata: Mapping[str, str]) -> str:
    """Return the clean file name from an object's metadata."""
    if "filename" in metadata:
        name = unquote(metadata["filename"])
    else:
        name = _decode_form_filename(metadata.get("form-filename", ""))
    return clean_filename(name)


def _decode_form_filename(header: str) -> str:
    """Decode the name from a plain form: S3 returns RFC 2047 words, or UTF-8 that HTTP reads as Latin-1.

    S3 writes only UTF-8 and Latin-1. Words in other charsets are shown undecoded: some of those charsets encode
    characters that the database cannot store.
    """
    with suppress(UnicodeError):
        header = header.encode("latin-1").decode()
    try:
        return "".join(
            word if isinstance(word, str) else word.decode(_charset(name), "replace")
            for word, name in decode_header(header)
        )
    except (MessageError, LookupError, ValueError):
        return header


def _charset(name: str | None) -> str:
    charset = codecs.lookup(name or "latin-1").name
    if charset not in ("utf-8", "iso8859-1", "ascii"):
        raise LookupError(f"S3 does not write the charset {charset}")
    return charset


# Control characters, direction marks and lone surrogates: they break the surrounding text or cannot be stored.
_UNPRINTABLE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufff9-\ufffd]"
)


def clean_filename(name: str) -> str:
    """Return a name that can be shown and stored: no folders, control or direction characters, or surrogates.

    It has at most MAX_FILENAME_CHARACTERS.
    """
    last = re.split(r"[/\\]", name)[-1]
    return _UNPRINTABLE.sub("", last).strip()[:MAX_FILENAME_CHARACTERS] or "untitled"
