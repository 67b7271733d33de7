"""An annotator that asks a loopback server, and the account of its requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from annotate.annotator import Facts
from annotate.gemini.client import GeminiAnnotator
from catalog.images import Annotation
from catalog.ledger import Answer
from support import photos
from support.gemini_server import GeminiServer, Reply
from support.memory_account import MemoryAccount

KEY = "AIza-the-key-of-the-tests"
MODEL = "gemini-3.5-flash-lite"
NO_FACTS = Facts()
PHOTO = photos.scene(768, 512)
CAPTION = "A photo of 768 by 512 pixels."
"""The server's own caption of the photo."""
GOOD = json.dumps({"caption": "A cat sleeps.", "alt_text": "A grey cat on a sofa.", "tags": ["cat"]})


@dataclass
class Client:
    """An annotator with requests of at most 5 seconds and pauses that take no time, its server and its account."""

    gemini: GeminiServer
    model: str = MODEL
    context: str = ""
    seconds: float = 110.0
    account: MemoryAccount = field(default_factory=MemoryAccount)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._annotator = GeminiAnnotator(
            KEY, self.model, "en", self.context, seconds=5, sleep=self.pauses.append, left=self.left
        )

    def left(self) -> float:
        return self.seconds - sum(self.pauses)

    def annotate(self, *replies: Reply, facts: Facts = NO_FACTS) -> Annotation:
        """Describe the photo; the server sends these replies first."""
        self.gemini.reply(*replies)
        return self._annotator.annotate(PHOTO, facts, self.account)

    def caption(self, *replies: Reply) -> str:
        """Return the caption of the photo; the server sends these replies first."""
        return self.annotate(*replies).caption

    def unused(self) -> list[Answer]:
        """Return the settled answers without a description."""
        return [answer for answer in self.account.settled if answer.outcome != "used"]

    def outcomes(self) -> list[str]:
        """Return the outcomes of the settled requests, except the used one."""
        return [answer.outcome for answer in self.unused()]
