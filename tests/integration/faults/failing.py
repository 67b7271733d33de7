"""Clouds that fail: each in a folder of its own, with parts that are killed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from integration.faults.aws_proxy import AwsProxy
from integration.faults.paid_gemini import PaidGemini
from integration.faults.world import KEY, World
from running_cloud import running_cloud


@contextmanager
def failing_cloud(data: Path, *, key_in_environment: bool = False) -> Iterator[World]:
    """Run a cloud that fails.

    With the key in its environment, as on a laptop, its functions ask our Gemini also when the emulator was started
    anew and does not know the secret any more.
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


def kill(world: World, *names: str) -> None:
    """Kill parts of a cloud, with all that they had started, at once."""
    children = [world.cloud.processes[name] for name in names]
    parts = [psutil.Process(child.pid) for child in children]
    victims = [victim for part in parts for victim in (part, *part.children(recursive=True))]
    for how in (signal.SIGSTOP, signal.SIGKILL):  # those that stand still do not see the others die
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(how)
    world.wait_until(lambda: all(child.exit_code() is not None for child in children), f"{names} run")
