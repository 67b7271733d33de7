"""Command line of the local cloud: up, down and demo."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from local_cloud import REPOSITORY, LocalCloudError
from local_cloud.cloud import DatabaseName, LocalCloud, stop_running

WATCH_SECONDS = 0.5
FOLDERS: dict[DatabaseName, Path] = {"mariadb": REPOSITORY / ".local", "mysql": REPOSITORY / ".local" / "mysql-gallery"}
"""Where the gallery on each database keeps all its data: photos, too, which only that database describes."""


class _InterruptedError(BaseException):
    """Somebody asked us to stop: Ctrl-C, `make down`, a closed terminal."""


def main() -> int:
    """Run one command and return its exit status."""
    arguments = _parse()
    try:
        if arguments.command == "up":
            database = _database(arguments.database, os.environ)
            _up(arguments.data or FOLDERS[database], arguments.port, arguments.emulator_port, database)
        elif arguments.command == "down":
            folders = [arguments.data] if arguments.data else FOLDERS.values()
            stopped = [stop_running(folder) for folder in folders]
            print("Stopped." if any(stopped) else "Nothing is running.")
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
        command.add_argument("--data", type=Path, help="folder of all data (default: one for each database)")
    up.add_argument("--database", help=f"the server to start: {' or '.join(FOLDERS)} (default: mariadb)")
    return parser.parse_args()


def _database(chosen: str | None, environ: Mapping[str, str]) -> DatabaseName:
    """Return the database that was chosen, or the usual one.

    Raises:
        LocalCloudError: there is no such database, or the environment names a server.
    """
    if chosen is None:
        return "mariadb"
    for name in FOLDERS:
        if name == chosen:
            if environ.get("DATABASE_HOST"):
                raise LocalCloudError(f"DATABASE={name} starts a server, and DATABASE_HOST names one: set only one.")
            return name
    raise LocalCloudError(f"DATABASE must be {' or '.join(FOLDERS)}, not {chosen!r}.")


def _up(data: Path, port: int, emulator_port: int, database: DatabaseName) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    cloud = LocalCloud(data, port, emulator_port, os.environ, database=database)
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
