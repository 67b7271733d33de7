"""`make bench` with few photos."""

import subprocess
import sys

from servers import REPOSITORY


def test_the_table_has_speed_growth_and_bytes_of_the_first_page() -> None:
    sizes = ("--rows", "60", "--few-rows", "51", "--rounds", "1", "--seconds", "0.1")
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sizes], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    names = [line.split("|")[1].strip() for line in printed.splitlines()[2:]]
    assert names == [
        "GET /, 50 of 60 photos, relative to a hello-world page",
        "GET /api/images?limit=50, 50 of 60 photos, relative to a hello-world page",
        "GET /, from 51 to 60 photos",
        "GET /api/images?limit=50, from 51 to 60 photos",
        "bytes of the first page of HTML, compressed",
    ]
