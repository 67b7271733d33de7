"""A Gemini server whose captions name the picture it saw; it accepts only current keys and counts paid answers."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler

from integration.faults.pictures import Picture, colour_of
from support.gemini_server import GeminiServer, Reply, Request, description, failure


def described(picture: Picture, delay_seconds: float = 0) -> Reply:
    """Return the correct answer for a picture."""
    reply = description(f"A wall, painted {picture.colour}.", f"All is {picture.colour}.", ["wall"])
    return replace(reply, delay_seconds=delay_seconds)


@dataclass
class Answer:
    """An answer for a picture. It counts as delivered if the client was still connected when it began."""

    picture: Picture
    reply: Reply
    delivered: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def usable(self) -> bool:
        """Whether it is the correct description of the picture, which is paid."""
        return self.reply.body == described(self.picture).body


@dataclass
class PaidGemini(GeminiServer):
    """The server; each picture may have planned replies, and an outage overrides them all."""

    keys: set[str] = field(default_factory=set)
    """The accepted keys."""
    outage: Reply | None = None
    """The reply to every request during an outage."""
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._planned: defaultdict[Picture, deque[Reply]] = defaultdict(deque)
        self._current = threading.local()
        super().__post_init__()

    def answer(self, picture: Picture, *replies: Reply) -> None:
        """Plan the replies to the next requests with a picture; after these it is described."""
        self._planned[picture].extend(replies)

    def forget(self) -> None:
        """End an outage and discard all planned replies."""
        self.outage = None
        self._planned.clear()

    def asked(self, picture: Picture) -> int:
        """Return how many requests there were for a picture."""
        return sum(answer.picture == picture for answer in self.answers)

    def seconds(self, picture: Picture) -> float:
        """Return the time between the first and the last request for a picture."""
        moments = [answer.asked_at for answer in self.answers if answer.picture == picture]
        return moments[-1] - moments[0]

    def choose(self, request: Request) -> Reply:
        """Return the reply to a request, and record it."""
        picture = Picture(colour_of(request.picture))
        if request.api_key not in self.keys:
            reply = failure(400, "INVALID_ARGUMENT", "API key not valid.", "API_KEY_INVALID")
        elif self.outage is not None:
            reply = self.outage
        elif self._planned[picture]:
            reply = self._planned[picture].popleft()
        else:
            reply = described(picture)
        self._current.answer = Answer(picture, reply)
        self.answers.append(self._current.answer)
        return reply

    def respond(self, path: str, api_key: str, body: bytes) -> Reply:
        """Check and record a request, and return the reply."""
        before = len(self.requests)
        reply = super().respond(path, api_key, body)
        return reply if len(self.requests) == before else self.choose(self.requests[-1])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(super()._handler()):  # type: ignore[misc]
            def send_response(self, code: int, message: str | None = None) -> None:
                if _hung_up(self.connection):
                    raise ConnectionAbortedError
                super().send_response(code, message)

            def end_headers(self) -> None:
                super().end_headers()
                server.mark_delivered()

        return Handler

    def mark_delivered(self) -> None:
        """Mark the answer of this thread's request as delivered, unless it is sent byte by byte."""
        answer: Answer | None = getattr(self._current, "answer", None)
        if answer is not None:
            answer.delivered = not answer.reply.seconds_per_byte


def _hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
