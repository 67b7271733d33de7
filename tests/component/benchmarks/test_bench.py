"""`make bench` with few photos."""

import re
import subprocess
import sys

from servers import REPOSITORY


def test_the_table_has_speed_growth_and_bytes_of_the_first_page_and_times_of_searches() -> None:
    sizes = ("--rows", "60", "--few-rows", "51", "--rounds", "1", "--seconds", "0.1", "--searches", "4")
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks", *sizes], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    names = [re.sub(r" \(median.*", "", line.split("|")[1].strip()) for line in printed.splitlines()[2:]]
    assert names == [
        "GET /, 50 of 60 photos, relative to a hello-world page",
        "GET /api/images?limit=50, 50 of 60 photos, relative to a hello-world page",
        "GET /, from 51 to 60 photos",
        "GET /api/images?limit=50, from 51 to 60 photos",
        "bytes of the first page of HTML, compressed",
        "search in 60 photos for one word, slowest of 4",
        "search in 60 photos for two words, slowest of 4",
        "search in 60 photos for the beginning of a word, slowest of 4",
        "search in 60 photos for no result, slowest of 4",
    ]
