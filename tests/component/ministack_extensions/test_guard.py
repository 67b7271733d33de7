"""Requests that the emulator accepts and refuses."""

import pytest

from ministack_extensions.guard import is_allowed

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
def test_requests_of_this_machine_are_accepted(headers: dict[str, str]) -> None:
    assert is_allowed(headers, "POST", "")


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
def test_requests_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert not is_allowed(headers, "POST", "")


def test_an_image_may_be_shown_under_another_name_of_this_machine() -> None:
    picture = CROSS_SITE | {"sec-fetch-dest": "image"}
    assert is_allowed(picture, "GET", "X-Amz-Signature=0")
    assert not is_allowed(picture, "GET", "Action=DeleteStack&StackName=gallery")
    assert not is_allowed(picture | {"origin": "https://evil.example"}, "GET", "")
    assert not is_allowed(CROSS_SITE | {"sec-fetch-dest": "script"}, "GET", "")
