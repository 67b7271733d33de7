"""Errors of `make demo`; tests/integration runs it."""

import re

import pytest

from local_cloud import LocalCloudError
from local_cloud.demo import REQUIREMENTS, upload_samples
from servers.ports import free_ports
from smoke.gallery import Gallery


def test_without_a_gallery_the_error_says_how_to_start_one() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(LocalCloudError, match=f"No gallery answers at {url}.*make up"):
        upload_samples(Gallery(url), print)


def test_the_samples_are_pinned_by_their_hash() -> None:
    pin = r"^scikit-image==[\d.]+ \\\n    --hash=sha256:[0-9a-f]{64}\n\Z"
    assert re.search(pin, REQUIREMENTS.read_text(), re.MULTILINE)
