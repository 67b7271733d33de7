"""A Gemini that tells in its caption which picture it saw, accepts only current keys, and counts what is paid."""

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
    """Return the answer to a picture."""
    reply = description(f"A wall, painted {picture.colour}.", f"All is {picture.colour}.", ["wall"])
    return replace(reply, delay_seconds=delay_seconds)


@dataclass
class Answer:
    """An answer to a picture. It is delivered when the client still listened as it began."""

    picture: Picture
    reply: Reply
    delivered: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def usable(self) -> bool:
        """Whether it is the description of the picture, which is paid."""
        return self.reply.body == described(self.picture).body


@dataclass
class PaidGemini(GeminiServer):
    """The server; every picture may have replies of its own, and all of them one as long as nothing works."""

    keys: set[str] = field(default_factory=set)
    """The keys that are accepted."""
    outage: Reply | None = None
    """The reply to everybody."""
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._planned: defaultdict[Picture, deque[Reply]] = defaultdict(deque)
        self._current = threading.local()
        super().__post_init__()

    def answer(self, picture: Picture, *replies: Reply) -> None:
        """Line up the replies to the next requests with a picture; after them it is described."""
        self._planned[picture].extend(replies)

    def forget(self) -> None:
        """Work again, for every picture, whatever was lined up."""
        self.outage = None
        self._planned.clear()

    def asked(self, picture: Picture) -> int:
        """Return how many requests a picture had."""
        return sum(answer.picture == picture for answer in self.answers)

    def seconds(self, picture: Picture) -> float:
        """Return the time from the first request with a picture to the last."""
        moments = [answer.asked_at for answer in self.answers if answer.picture == picture]
        return moments[-1] - moments[0]

    def choose(self, request: Request) -> Reply:
        """Return the reply to a request, and keep it."""
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
        """Check and keep a request, and return the reply."""
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
        """Note that the answer of this thread's request reaches its client, unless it drips."""
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
