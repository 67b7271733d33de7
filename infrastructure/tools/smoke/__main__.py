"""Command line: `python -m smoke staging`, or `python -m smoke --url https://photos.example.org`."""

import argparse
import os
import sys
import time
from urllib.parse import urlsplit

from deploy.environment import Environment, load_environment
from deploy.errors import DeployError, EnvironmentFileError
from smoke.check import check
from smoke.errors import GalleryError
from smoke.gallery import Gallery

SECONDS = 120.0


def main() -> int:
    """Check one gallery and return the exit status: 0 it works, 1 it does not, 2 wrong usage."""
    arguments = _parser().parse_args()
    started = time.monotonic()

    def report(line: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {line}", flush=True)

    try:
        url, version = arguments.url, None
        if arguments.environment:
            environment = load_environment(arguments.environment, _variables())
            url, version = _origin(environment), (environment.versions or {}).get("web")
        check(Gallery(url), version, arguments.seconds, report)
    except (DeployError, GalleryError) as error:
        return _fail(error, str(error))
    except KeyboardInterrupt as interrupt:
        return _fail(interrupt, "interrupted")
    report("the gallery works")
    return 0


def _fail(error: BaseException, message: str) -> int:
    print("\n".join((f"smoke: {message}", *getattr(error, "__notes__", ()))), file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="smoke", description="Check a running gallery by uploading a picture.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("environment", nargs="?", help="a file in infrastructure/environments, without .yaml")
    which.add_argument("--url", type=_url, help="the gallery's address, such as https://photos.example.org")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="time limit for thumbnail and caption (default: %(default)s)"
    )
    return parser


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as https://photos.example.org")
    return text


def _variables() -> dict[str, str]:
    return {"AWS_ACCOUNT_ID": "000000000000", **os.environ}  # the gallery's address does not depend on the account


def _origin(environment: Environment) -> str:
    for stack in environment.stacks:
        if origin := stack.parameters.get("GalleryOrigin"):
            return origin
    raise EnvironmentFileError(f"{environment.path}: parameters.images.GalleryOrigin is missing")


if __name__ == "__main__":
    sys.exit(main())
