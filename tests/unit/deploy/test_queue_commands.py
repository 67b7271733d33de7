"""The commands that queue photos: what they print, and when they ask."""

from __future__ import annotations

from decimal import Decimal

import pytest

from deploy.enqueue import Queued, Request
from deploy.show import queued_text


@pytest.mark.parametrize(
    ("request_", "queued", "text"),
    [
        (Request("annotate", "all"), Queued(12, Decimal("0.00738"), applied=False),
         "12 photos for another annotation, about $0.01 by a paid model."),
        (Request("annotate", "all"), Queued(1, Decimal("0.0001"), applied=True),
         "1 photo queued for another annotation, about $0.01 by a paid model."),
        (Request("annotate", "all"), Queued(0, Decimal(0), applied=False), "0 photos for another annotation."),
        (Request("retry", "all"), Queued(2000, None, applied=True), "2000 photos queued for a retry."),
    ],
)  # fmt: skip
def test_the_text_has_the_number_of_photos_and_their_cost(request_: Request, queued: Queued, text: str) -> None:
    assert queued_text(request_, queued) == text
