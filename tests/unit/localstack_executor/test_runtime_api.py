"""The Runtime API, used by a plain HTTP client."""

import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from queue import SimpleQueue

import pytest

from localstack_executor.runtime_api import VERSION, Invocation, Message, RuntimeApi


@pytest.fixture
def messages() -> SimpleQueue[Message]:
    return SimpleQueue()


@pytest.fixture
def api(messages: SimpleQueue[Message]) -> Iterator[RuntimeApi]:
    api = RuntimeApi(messages)
    yield api
    api.close()


def ask(
    api: RuntimeApi, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    with closing(http.client.HTTPConnection(api.address, timeout=20)) as connection:
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read(), response.headers


def test_an_invocation_is_sent_as_documented(api: RuntimeApi, messages: SimpleQueue[Message]) -> None:
    api.give(Invocation("request-1", b'{"a": 1}', "arn:aws:lambda:x", "Root=1-2-3", 1542409706888))
    status, body, headers = ask(api, "GET", f"{VERSION}/invocation/next")
    assert messages.get(timeout=20) == Message("waiting")
    assert (status, body) == (200, b'{"a": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "request-1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1542409706888"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:x"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1-2-3"


@pytest.mark.parametrize("kind", ["response", "error"])
def test_a_result_is_accepted(api: RuntimeApi, messages: SimpleQueue[Message], kind: str) -> None:
    assert ask(api, "POST", f"{VERSION}/invocation/request-1/{kind}", b"{}")[0] == 202
    message = messages.get(timeout=20)
    assert (message.kind, message.body, message.request_id) == (kind, b"{}", "request-1")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/2015-01-01/next"), ("POST", f"{VERSION}/invocation/request-1/other")]
)
def test_other_paths_are_not_found(api: RuntimeApi, method: str, path: str) -> None:
    assert ask(api, method, path, b"" if method == "POST" else None)[0] == 404


def test_closing_disconnects_a_waiting_runtime(messages: SimpleQueue[Message]) -> None:
    api = RuntimeApi(messages)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, api, "GET", f"{VERSION}/invocation/next")
        assert messages.get(timeout=20) == Message("waiting")
        api.close()
        with pytest.raises(http.client.RemoteDisconnected):
            waiting.result(timeout=20)
