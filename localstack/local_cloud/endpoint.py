"""An AWS emulator that is already running, such as the one of compose.yaml."""

import re

import urllib3

from local_cloud import LocalCloudError


class Endpoint:
    """The emulator at an address, which is neither started nor stopped."""

    child = None
    """It has no child process."""

    def __init__(self, endpoint_url: str) -> None:
        """Set the address.

        Raises:
            LocalCloudError: it is not the address of a server.
        """
        if not re.fullmatch(r"https?://[^/:@]+(:\d{1,5})?/?", endpoint_url):
            raise LocalCloudError(f"AWS_ENDPOINT_URL must be like http://127.0.0.1:4566, not {endpoint_url!r}.")
        self.endpoint_url = endpoint_url

    def start(self) -> None:
        """Check that it answers.

        Raises:
            LocalCloudError: it does not.
        """
        try:
            with urllib3.PoolManager(retries=False, timeout=5) as pool:
                pool.request("GET", self.endpoint_url, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise LocalCloudError(
                f"Nothing answers at AWS_ENDPOINT_URL={self.endpoint_url} ({error}). Start that emulator,"
                " or unset AWS_ENDPOINT_URL to let `make up` start one."
            ) from error

    def stop(self) -> None:
        """Leave it running."""

    def abandon(self) -> None:
        """Leave it running."""
