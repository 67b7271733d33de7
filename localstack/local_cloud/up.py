"""The command `up`: runs the local cloud in the foreground and restarts what dies."""

import os
import signal
import time
from pathlib import Path

import click

from local_cloud import LocalCloudError
from local_cloud.cloud import FOLDERS, DatabaseName, LocalCloud

WATCH_SECONDS = 0.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _InterruptedError(BaseException):
    """Ctrl-C, `make down` or a closed terminal."""


@click.command
@click.option("--port", default=8080, show_default=True, help="Port of the gallery.")
@click.option("--emulator-port", default=4566, show_default=True, help="Port of the AWS emulator.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of all data (default: one for each database).")
@click.option("--database", type=click.Choice(list(FOLDERS)), help="Database server to start (default: mariadb).")
def up(port: int, emulator_port: int, data: Path | None, database: DatabaseName | None) -> None:
    """Run everything on this machine until Ctrl-C or `down`."""
    if database and os.environ.get("DATABASE_HOST"):
        raise LocalCloudError(f"DATABASE={database} starts a server and DATABASE_HOST names one: set only one.")
    name = database or "mariadb"
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    cloud = LocalCloud(data or FOLDERS[name], port, emulator_port, os.environ, database=name)
    started = time.monotonic()

    def report(line: str) -> None:
        click.echo(f"{time.monotonic() - started:6.1f} s  {line}")

    try:
        try:
            cloud.start(report)
            click.echo(f"\nThe gallery is at {cloud.gallery_url} - stop it with Ctrl-C or `make down`.\n")
            while True:
                time.sleep(WATCH_SECONDS)
                cloud.restart(report)
        finally:
            _ignore_signals()
            cloud.stop()
    except _InterruptedError:
        click.echo("Stopped. Your photos are kept: `make up` shows them again.")


def _interrupt(*_: object) -> None:
    _ignore_signals()  # the stop takes a few seconds; a second signal must not interrupt it
    click.echo("\nStopping …")
    raise _InterruptedError


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
