"""The network namespace of an instance, and the instance metadata service."""

import ctypes
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.http_server import Request

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Create sockets in the network namespace of a process; they stay in it.

    https://man7.org/linux/man-pages/man2/setns.2.html
    """
    with Path("/proc/thread-self/ns/net").open("rb") as own, Path(f"/proc/{pid}/ns/net").open("rb") as other:
        _enter(other.fileno())
        try:
            yield
        finally:
            _enter(own.fileno())


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


TOKEN = "a token of the metadata service"
ROLE = "web"


class MetadataService(Request):
    """The instance metadata service, version 2 only: it returns the role's credentials to callers with a token.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    """

    ADDRESS = ("169.254.169.254", 80)

    def do_PUT(self) -> None:  # noqa: N802 - names of http.server
        self._answer(200 if self.path == "/latest/api/token" else 404, TOKEN)

    def do_GET(self) -> None:  # noqa: N802
        credentials = f"/latest/meta-data/iam/security-credentials/{ROLE}"
        if self.headers["X-aws-ec2-metadata-token"] != TOKEN:
            self._answer(401)
        elif self.path == credentials:
            expiration = (datetime.now(UTC) + timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
            keys = {"AccessKeyId": "test", "SecretAccessKey": "test", "Token": "test", "Expiration": expiration}
            self._answer(200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **keys}))
        elif self.path == credentials.removesuffix(ROLE):
            self._answer(200, ROLE)
        else:
            self._answer(404)

    def _answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())
