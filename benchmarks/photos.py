"""A million photos: rows of the table `image`, as functions write them for photos that are ready."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from pymysql.connections import Connection

from benchmarks.texts import descriptions
from catalog.entries import Texts
from catalog.word_index import CHECKSUM, key_of

SEED = 1
SPAN = timedelta(days=3 * 365)
"""The time from the first photo to the last one, which is an hour old."""
CHUNK_ROWS = 100_000
PLACEHOLDER_BYTES = (84, 128)
"""The least and the most bytes of most placeholders, which are WebP pictures of at most 16 by 16 pixels."""
_WEBP_START = b"RIFF\x90\x00\x00\x00WEBPVP8 \x84\x00\x00\x00\x90\x02\x00\x9d\x01*\x10\x00\x0c\x00>\x91:\x97G\xa5\xa3"
_SIZES = ((4000, 3000), (3000, 4000), (4032, 3024), (6000, 4000), (1920, 1080))
COLUMNS = (
    *("id", "filename", "content_type", "bytes", "etag", "uploaded_at", "thumbnail_status", "width", "height"),
    *("placeholder", "annotation_status", "caption", "alt_text", "tags", "language", "model", "prompt_version"),
    *("input_tokens", "output_tokens"),
)


def photos(count: int) -> Iterator[tuple[object, ...]]:
    """Yield rows with the values of COLUMNS, oldest first. Equal counts have equal texts."""
    random = Random(SEED)
    texts = descriptions(random)
    last = datetime.now(UTC) - timedelta(hours=1)
    step = SPAN / count
    for number in range(count):
        moment = last - step * (count - 1 - number)
        text = next(texts)
        width, height = random.choice(_SIZES)
        yield (
            _id(random, moment),
            f"{random.choice(('IMG', 'DSC', 'PXL'))}_{moment:%Y%m%d_%H%M%S}-{number % 10_000:04}.jpg",
            "image/jpeg",
            random.randint(800_000, 9_000_000),
            f"{random.getrandbits(128):032x}",
            f"{moment:%Y-%m-%d %H:%M:%S}",
            "ready",
            width,
            height,
            _placeholder(random),
            "ready",
            text.caption,
            text.alt_text,
            json.dumps(text.tags),
            "en",
            "gemini-2.5-flash-lite",
            "3",
            random.randint(1000, 1400),
            random.randint(60, 160),
        )


def load(connection: Connection[Any], other: Connection[Any], count: int, folder: Path) -> None:
    """Insert photos and their words into empty tables, by files in a folder that the server can read.

    All words are inserted by one statement on the other connection, from a pipe: the server sorts the rows of one
    statement before it writes them. The full-text index is built at the end, which takes a tenth of the time.
    """
    words = folder / "words.tsv"
    os.mkfifo(words)
    with connection.cursor() as cursor, ThreadPoolExecutor(1) as threads:
        indexes = _full_text_indexes(cursor)
        for name, _ in indexes:
            cursor.execute(f"ALTER TABLE image DROP KEY {name}")
        inserted = threads.submit(_insert_words, other, words)
        cursor.execute("SET SESSION unique_checks = 0")
        rows = photos(count)
        with words.open("w", encoding="utf-8") as entries:
            while chunk := list(islice(rows, CHUNK_ROWS)):
                file = folder / "photos.tsv"
                with file.open("w", encoding="utf-8") as target:
                    target.writelines("\t".join(map(str, row)) + "\n" for row in chunk)
                cursor.execute(
                    f"""LOAD DATA INFILE '{file}' INTO TABLE image CHARACTER SET utf8mb4 ({", ".join(COLUMNS)})
                        SET indexed_texts = {CHECKSUM}"""
                )
                file.unlink()
                entries.writelines(line for row in chunk for line in _entries(dict(zip(COLUMNS, row, strict=True))))
        cursor.execute("SET SESSION innodb_ft_enable_stopword = 0")  # as the migrations do
        for name, column in indexes:
            cursor.execute(f"ALTER TABLE image ADD FULLTEXT KEY {name} ({column})")
        inserted.result()
        words.unlink()
        cursor.execute("INSERT INTO word (word, images) SELECT word, COUNT(*) FROM image_word GROUP BY word")
        cursor.execute("ANALYZE TABLE image, image_word, word")


def _insert_words(connection: Connection[Any], file: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION unique_checks = 0, foreign_key_checks = 0")
        cursor.execute(
            f"""LOAD DATA INFILE '{file}' INTO TABLE image_word CHARACTER SET utf8mb4 (word, @id)
                SET image_id = UNHEX(@id)"""
        )


def _entries(photo: dict[str, Any]) -> Iterator[str]:
    texts = Texts(
        photo["filename"], photo["caption"], photo["alt_text"], tuple(json.loads(photo["tags"])), photo["language"]
    )
    key = key_of(photo["id"]).hex()
    return (f"{entry}\t{key}\n" for entry in texts.entries)


def _full_text_indexes(cursor: Any) -> list[tuple[str, str]]:
    cursor.execute(
        """SELECT index_name, GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics
           WHERE table_schema = DATABASE() AND table_name = 'image' AND index_type = 'FULLTEXT' GROUP BY index_name"""
    )
    return list(cursor.fetchall())


def _id(random: Random, moment: datetime) -> str:
    """Return a version 7 UUID of a moment, with random bits that are the same in each run."""
    milliseconds = int(moment.timestamp() * 1000)
    digits = f"{random.getrandbits(74):019x}"
    return (
        f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{digits[1:4]}-"
        f"{0x8000 | int(digits[4:8], 16) & 0x3FFF:04x}-{digits[7:]}"
    )


def _placeholder(random: Random) -> str:
    compressed = random.randbytes(random.randint(*PLACEHOLDER_BYTES) - len(_WEBP_START))
    return f"data:image/webp;base64,{base64.b64encode(_WEBP_START + compressed).decode()}"
