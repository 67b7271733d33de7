"""A client of a loopback server."""

import pytest

from support.gemini_server import GeminiServer
from unit.annotate.gemini.asking import Client


@pytest.fixture
def client(gemini: GeminiServer) -> Client:
    return Client(gemini)
