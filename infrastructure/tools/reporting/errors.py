"""Errors that people can act on. Click shows the message and exits with 1."""

from typing import IO, Any

import click


class ReportingError(click.ClickException):
    """A report could not be written to GitHub; the message names the cause and what to do."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message with the name of the tool."""
        click.echo(f"reporting: {self.message}", file, err=True)
