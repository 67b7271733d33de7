"""Who may talk to the emulator."""

import pytest

from ministack_extensions.guard import is_welcome

HOST = {"host": "127.0.0.1:4566"}
CROSS_SITE = HOST | {"sec-fetch-site": "cross-site"}


@pytest.mark.parametrize(
    "headers",
    [
        HOST,
        {"host": "localhost:4566"},
        {"host": "[::1]:4566"},
        {"host": "photos.s3.localhost:4566"},
        HOST | {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:8080"},
        HOST | {"sec-fetch-site": "none"},
        CROSS_SITE | {"origin": "http://localhost:8080"},
    ],
)
def test_programs_and_pages_of_this_machine_are_welcome(headers: dict[str, str]) -> None:
    assert is_welcome(headers, "POST", "")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "rebound.example:4566"},
        {"host": "127.0.0.1.example:4566"},
        CROSS_SITE,
        CROSS_SITE | {"origin": "https://evil.example"},
        CROSS_SITE | {"origin": "https://localhost.evil.example"},
        CROSS_SITE | {"origin": "null"},
    ],
)
def test_pages_of_other_sites_are_not(headers: dict[str, str]) -> None:
    assert not is_welcome(headers, "POST", "")


def test_a_picture_may_be_shown_under_another_name_of_this_machine() -> None:
    picture = CROSS_SITE | {"sec-fetch-dest": "image"}
    assert is_welcome(picture, "GET", "X-Amz-Signature=0")
    assert not is_welcome(picture, "GET", "Action=DeleteStack&StackName=gallery")
    assert not is_welcome(picture | {"origin": "https://evil.example"}, "GET", "")
    assert not is_welcome(CROSS_SITE | {"sec-fetch-dest": "script"}, "GET", "")
