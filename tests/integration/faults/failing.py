"""Clouds for fault tests, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.faults.aws_proxy import AwsProxy
from integration.faults.paid_gemini import PaidGemini
from integration.faults.world import KEY, World
from support.running_cloud import running_cloud


@contextmanager
def failing_cloud(data: Path, *, key_in_environment: bool = False) -> Iterator[World]:
    """Run a cloud whose parts can be made to fail.

    With the key in its environment, as on a laptop, its functions call the tests' Gemini server even after the emulator
    was restarted and has lost the secret.
    """
    with PaidGemini() as gemini:
        environ = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": gemini.url} if key_in_environment else {}
        with running_cloud(data, environ) as cloud:
            proxy = AwsProxy(data, cloud.endpoint_url)
            proxy.start()
            (data / "ahead").write_text("0")
            try:
                world = World(cloud, data, gemini, proxy)
                world.prepare()
                yield world
            finally:
                proxy.stop()
