"""Errors that people can act on. Click shows the message and exits with `exit_code`."""

from typing import IO, Any

import click


class ReleaseError(click.ClickException):
    """Base class. The message names the service, file or tag and what to do."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print each line of the message with the name of the tool."""
        for line in self.message.splitlines():
            click.echo(f"release: {line}", file, err=True)


class RefusedError(ReleaseError):
    """A rule of versions is broken; each line of the message is one finding."""

    exit_code = 3
