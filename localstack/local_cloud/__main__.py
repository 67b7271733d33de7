"""Command line of the local cloud: up, down and demo."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.cloud import LocalCloud, stop_running

WATCH_SECONDS = 0.5


class _InterruptedError(BaseException):
    """Somebody asked us to stop: Ctrl-C, `make down`, a closed terminal."""


def main() -> int:
    """Run one command and return its exit status."""
    arguments = _parse()
    try:
        if arguments.command == "up":
            _up(arguments.data, arguments.port, arguments.emulator_port)
        elif arguments.command == "down":
            print("Stopped." if stop_running(arguments.data) else "Nothing is running.")
        else:
            from local_cloud.demo import demo

            demo(arguments.port)
    except (LocalCloudError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_cloud", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run everything on this machine until Ctrl-C or `down`")
    down = commands.add_parser("down", help="stop what `up` started")
    demo = commands.add_parser("demo", help="upload sample photos to the running gallery")
    for command in (up, demo):
        command.add_argument("--port", type=int, default=8080, help="port of the gallery (default: %(default)s)")
    up.add_argument("--emulator-port", type=int, default=4566, help="port of the AWS emulator (default: %(default)s)")
    for command in (up, down):
        command.add_argument("--data", type=Path, default=REPOSITORY / ".local", help="folder of all data")
    return parser.parse_args()


def _up(data: Path, port: int, emulator_port: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    cloud = LocalCloud(data, port, emulator_port, os.environ)
    started = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    try:
        try:
            cloud.start(report)
            print(f"\nThe gallery is at {cloud.gallery_url} - Ctrl-C or `make down` stops it.\n", flush=True)
            while True:
                time.sleep(WATCH_SECONDS)
                cloud.mend(report)
        finally:
            _ignore_signals()
            cloud.stop()
    except _InterruptedError:
        print("Stopped. Photos are kept; `make up` shows them again.", flush=True)


def _interrupt(*_: object) -> None:
    _ignore_signals()  # one is enough: stopping takes a few seconds and must not be interrupted
    print("\nStopping …", flush=True)
    raise _InterruptedError


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
