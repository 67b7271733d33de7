"""The processes of functions, which a test kills or starves."""

from __future__ import annotations

import psutil

from integration.faults.world import World


def processes_of(world: World, name: str) -> list[psutil.Process]:
    """Return the processes that run a function, at work or waiting for work."""
    emulator = psutil.Process(world.cloud.processes["emulator"].pid)
    function = world.function(name)
    return [child for child in emulator.children(recursive=True) if _variable(child) == function]


def kill(world: World, name: str) -> None:
    """Kill all processes of a function at once, as Lambda does with one that takes more memory than it has."""
    victims = processes_of(world, name)
    assert victims, f"no process runs {name}"
    for victim in victims:
        victim.kill()


def _variable(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
    except psutil.Error:
        return None
