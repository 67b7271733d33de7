"""Command line: `smoke staging`, or `smoke --url https://photos.example.org`."""

import os
import sys
import time
from urllib.parse import urlsplit

import click

from deploy.environment import Environment, load_environment
from deploy.errors import DeployError, EnvironmentFileError
from smoke.check import check
from smoke.errors import GalleryError
from smoke.gallery import Gallery


def _check_url(context: click.Context, parameter: click.Parameter, url: str | None) -> str | None:
    try:
        parts = urlsplit(url or "https://photos.example.org")
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise click.BadParameter(f"{url!r} is not an address such as https://photos.example.org")
    return url


@click.command("smoke")
@click.argument("environment", required=False)
@click.option("--url", callback=_check_url, help="The address of the gallery, such as https://photos.example.org.")
@click.option(
    "--seconds", type=float, default=120.0, show_default=True, help="Time limit for the thumbnail and the caption."
)
def main(environment: str | None, url: str | None, seconds: float) -> None:
    """Check the gallery of ENVIRONMENT (a file of infrastructure/environments, without .yaml), or the gallery at --url.

    Exit codes: 0 the gallery works, 1 it does not, 2 wrong usage.
    """
    started = time.monotonic()

    def report(line: str) -> None:
        click.echo(f"{time.monotonic() - started:6.1f} s  {line}")

    try:
        version = None
        if environment and not url:
            desired = load_environment(environment, _variables())
            url, version = _origin(desired), (desired.versions or {}).get("web")
        elif not url or environment:
            raise click.UsageError("give either ENVIRONMENT or --url")
        check(Gallery(url), version, seconds, report)
    except (DeployError, GalleryError, KeyboardInterrupt) as error:
        message = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        click.echo("\n".join((f"smoke: {message}", *getattr(error, "__notes__", ()))), err=True)
        sys.exit(1)
    report("the gallery works")


def _variables() -> dict[str, str]:
    return {"AWS_ACCOUNT_ID": "000000000000", **os.environ}  # the address of a gallery does not depend on the account


def _origin(environment: Environment) -> str:
    for stack in environment.stacks:
        if origin := stack.parameters.get("GalleryOrigin"):
            return origin
    raise EnvironmentFileError(f"{environment.path}: parameters.images.GalleryOrigin is missing")


if __name__ == "__main__":
    main(prog_name="smoke")
