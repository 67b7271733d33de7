"""What the demo says when it cannot work; that it works is for tests/integration."""

import re
import socket

import pytest

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.demo import REQUIREMENTS, demo


def test_without_a_gallery_it_says_how_to_start_one() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(LocalCloudError, match=f"No gallery answers at http://127.0.0.1:{port}.*make up"):
        demo(port)


def test_the_samples_come_from_one_file_whose_content_is_pinned() -> None:
    requirement = REQUIREMENTS.read_text()
    assert REQUIREMENTS == REPOSITORY / "localstack" / "demo.txt"
    assert re.search(r"^scikit-image==[\d.]+ \\\n    --hash=sha256:[0-9a-f]{64}\n\Z", requirement, re.MULTILINE)
