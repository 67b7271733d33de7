"""`make bench`: starts a server with many photos, measures the gallery, and prints one table of ratios."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import database, gallery, pages, searches, secrets
from benchmarks.table import Row, table
from catalog.database import Credentials

ROWS = 1_000_000
FEW_ROWS = 1_000
ROUNDS = 7
SEARCHES = 1_000
SECONDS = 2.0


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="the number of photos")
    parser.add_argument("--few-rows", type=int, default=FEW_ROWS, help="the number of photos to compare with")
    parser.add_argument("--searches", type=int, default=SEARCHES, help="how many searches of each kind")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each page is measured")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each page is measured each time")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # stops what was started
    with TemporaryDirectory(prefix="benchmarks-") as folder, ExitStack() as stack:
        rows = measure(Path(folder), stack, options)
    print(table(rows))


def measure(folder: Path, stack: ExitStack, options: argparse.Namespace) -> list[Row]:
    """Start everything until the stack ends, and return what was measured."""
    server = stack.enter_context(database.running(folder))
    users = {
        database.MASTER: Credentials(server.username, server.password),
        database.APPLICATION: database.APPLICATION_USER,
    }
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": stack.enter_context(secrets.serving(users)),
        "AWS_ACCESS_KEY_ID": "only-signs-addresses",
        "AWS_SECRET_ACCESS_KEY": "only-signs-addresses",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BUCKET_NAME": "photos",
        "THUMBNAIL_FUNCTION": "thumbnail",
        "ANNOTATE_FUNCTION": "annotate",
        "DATABASE_HOST": server.host,
        "DATABASE_PORT": str(server.port),
        "DATABASE_SECRET_ARN": database.APPLICATION,
    }
    galleries = []
    for name, rows in (("large", options.rows), ("small", options.few_rows)):
        seconds = database.create(server, name, rows, folder, environ)
        print(f"{rows:,} photos were inserted in {seconds:.0f} seconds", file=sys.stderr)
        galleries.append(stack.enter_context(gallery.running(folder, name, rows, environ)))
    large, small = galleries
    # Each further measurement is one function that returns rows.
    with closing(database.connected(server, large.database)) as connection:
        return [
            *pages.measure(large, small, options.rounds, options.seconds),
            *searches.measure(connection, options.rows, options.searches),
        ]


if __name__ == "__main__":
    main()
