"""The command `down`: stops the local cloud, from another terminal or after a crash."""

from pathlib import Path

import click

from local_cloud.cloud import FOLDERS, stop_running


@click.command
@click.option("--data", type=click.Path(path_type=Path), help="Folder of all data (default: that of each database).")
def down(data: Path | None) -> None:
    """Stop what `up` started."""
    stopped = [stop_running(folder) for folder in ([data] if data else FOLDERS.values())]
    click.echo("Stopped." if any(stopped) else "Nothing is running.")
