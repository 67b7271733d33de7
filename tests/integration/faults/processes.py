"""Finds and kills processes of a cloud."""

import signal
from contextlib import suppress

import psutil

from integration.faults.world import World
from support.waiting import wait_until


def processes_of(world: World, name: str) -> list[psutil.Process]:
    """Return the processes that run a function, busy or idle."""
    emulator = psutil.Process(world.cloud.processes["emulator"].pid)
    function = world.function(name)
    return [child for child in emulator.children(recursive=True) if _variable(child) == function]


def kill_function(world: World, name: str) -> None:
    """Kill all processes of a function, as Lambda does with one that exceeds its memory."""
    victims = processes_of(world, name)
    assert victims, f"no process runs {name}"
    for victim in victims:
        victim.kill()


def kill_parts(world: World, *names: str) -> None:
    """Kill parts of a cloud and all their descendants at once."""
    children = [world.cloud.processes[name] for name in names]
    parts = [psutil.Process(child.pid) for child in children]
    victims = [victim for part in parts for victim in (part, *part.children(recursive=True))]
    for how in (signal.SIGSTOP, signal.SIGKILL):  # a stopped process cannot react to the death of another
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(how)
    wait_until(lambda: all(child.exit_code() is not None for child in children), f"{names} still run")


def _variable(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
    except psutil.Error:
        return None
