"""Command line of the local cloud: up, down, demo, operate and taskcat."""

import sys

import click

from deploy.errors import DeployError
from local_cloud import LocalCloudError
from local_cloud.demo import demo
from local_cloud.down import down
from local_cloud.operate import operate
from local_cloud.taskcat import taskcat
from local_cloud.up import up
from servers import ServerError
from smoke.errors import GalleryError


@click.group(commands=[up, down, demo, operate, taskcat])
def local_cloud() -> None:
    """Run the whole application on this machine."""


def main() -> None:
    """Run a command; an expected error is a message and exit code 1."""
    try:
        local_cloud(prog_name="local-cloud")
    except (LocalCloudError, ServerError, DeployError, GalleryError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
