"""An AWS emulator that is already running, such as the one of compose.yaml."""

from __future__ import annotations

import http.client
import re
import urllib.parse

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
        self._address = urllib.parse.urlsplit(endpoint_url)
        if not re.fullmatch(r"https?://[^/:@]+(:\d{1,5})?/?", endpoint_url):
            raise LocalCloudError(f"AWS_ENDPOINT_URL must be like http://127.0.0.1:4566, not {endpoint_url!r}.")
        self.endpoint_url = endpoint_url

    def start(self) -> None:
        """Check that it answers.

        Raises:
            LocalCloudError: it does not.
        """
        secure = self._address.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = connect(self._address.netloc, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise LocalCloudError(
                f"Nothing answers at AWS_ENDPOINT_URL={self.endpoint_url} ({error}). Start that emulator,"
                " or unset AWS_ENDPOINT_URL to let `make up` start one."
            ) from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Leave it running."""

    def abandon(self) -> None:
        """Leave it running."""
