"""The processes of a cloud, which a test kills or starves."""

from __future__ import annotations

import signal
from contextlib import suppress

import psutil

from integration.faults.world import World


def processes_of(world: World, name: str) -> list[psutil.Process]:
    """Return the processes that run a function, at work or waiting for work."""
    emulator = psutil.Process(world.cloud.processes["emulator"].pid)
    function = world.function(name)
    return [child for child in emulator.children(recursive=True) if _variable(child) == function]


def kill_function(world: World, name: str) -> None:
    """Kill all processes of a function at once, as Lambda does with one that takes more memory than it has."""
    victims = processes_of(world, name)
    assert victims, f"no process runs {name}"
    for victim in victims:
        victim.kill()


def kill_parts(world: World, *names: str) -> None:
    """Kill parts of a cloud, with all that they had started, at once."""
    children = [world.cloud.processes[name] for name in names]
    parts = [psutil.Process(child.pid) for child in children]
    victims = [victim for part in parts for victim in (part, *part.children(recursive=True))]
    for how in (signal.SIGSTOP, signal.SIGKILL):  # those that stand still do not see the others die
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(how)
    world.wait_until(lambda: all(child.exit_code() is not None for child in children), f"{names} run")


def _variable(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
    except psutil.Error:
        return None
