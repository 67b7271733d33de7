"""A Gemini that names the picture in its caption, accepts only current keys, and counts charged answers."""

from __future__ import annotations

import socket
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler

from integration.faults.pictures import Picture, colour_of
from support.gemini_server import BAD_KEY, GeminiServer, Reply, Request, description


def described(picture: Picture, delay_seconds: float = 0) -> Reply:
    """Return the description of a picture."""
    reply = description(f"A wall, painted {picture.colour}.", f"All is {picture.colour}.", ["wall"])
    return replace(reply, delay_seconds=delay_seconds)


@dataclass
class Answer:
    """An answer about a picture. It is delivered if the client was still connected when it began."""

    picture: Picture
    reply: Reply
    delivered: bool = False
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def usable(self) -> bool:
        """Whether the answer is the description of the picture, which is charged."""
        return self.reply.body == described(self.picture).body


@dataclass
class PaidGemini(GeminiServer):
    """The server. Each picture can have its own replies; an outage has one reply to everything."""

    keys: set[str] = field(default_factory=set)
    """The accepted keys."""
    outage: Reply | None = None
    """The reply to every request."""
    answers: list[Answer] = field(default_factory=list)
    planned: defaultdict[Picture, deque[Reply]] = field(default_factory=lambda: defaultdict(deque))

    def answer(self, picture: Picture, *replies: Reply) -> None:
        """Queue the replies to the next requests about a picture; afterwards it is described again."""
        self.planned[picture].extend(replies)

    def forget(self) -> None:
        """Cancel the outage and all queued replies."""
        self.outage = None
        self.planned.clear()

    def asked(self, picture: Picture) -> int:
        """Return the number of requests about a picture."""
        return sum(answer.picture == picture for answer in self.answers)

    def seconds(self, picture: Picture) -> float:
        """Return the time from the first to the last request about a picture."""
        moments = [answer.asked_at for answer in self.answers if answer.picture == picture]
        return moments[-1] - moments[0]

    def choose(self, request: Request) -> Reply:
        """Return the reply to a request, and keep it."""
        picture = Picture(colour_of(request.picture))
        if request.api_key not in self.keys:
            reply = BAD_KEY
        elif self.outage is not None:
            reply = self.outage
        elif self.planned[picture]:
            reply = self.planned[picture].popleft()
        else:
            reply = described(picture)
        answer = Answer(picture, replace(reply))  # a copy, which identifies the answer in `send_headers`
        self.answers.append(answer)
        return answer.reply

    def send_headers(self, connection: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Send the headers if the client is still connected; the answer then counts as delivered, unless it drips."""
        if _is_closed(connection.connection):
            raise ConnectionAbortedError
        super().send_headers(connection, reply)
        for answer in self.answers:
            if answer.reply is reply:
                answer.delivered = not reply.seconds_per_byte


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
